using System.Collections.Immutable;
using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx;

/// <summary>
/// Says whether an operator of ONNX's own means the same in two versions of the opset, the first of them the smaller.
/// </summary>
public delegate bool OperatorComparison(string opType, long first, long second);

/// <summary>Puts the nodes of a model's own functions in the place of calls.</summary>
public sealed class FunctionInliner
{
    private readonly Model _model;
    private readonly OperatorComparison _isSame;
    private readonly Dictionary<FunctionKey, FunctionProto> _functions = [];
    private readonly Dictionary<FunctionKey, string?> _refusals = [];

    public FunctionInliner(Model model, OperatorComparison isSame)
    {
        _model = model;
        _isSame = isSame;
        foreach (var function in model.Envelope.Functions)
        {
            _functions.TryAdd(FunctionKey.Of(function), function);
        }
    }

    /// <summary>Why a call cannot be inlined; null where it can, and for what is no call.</summary>
    public string? Refusal(Node node) => Refusal(FunctionKey.Of(node.Proto));

    /// <summary>Inlines every call that can be, in nested graphs and in functions' bodies too, and removes the functions that nothing calls any more.</summary>
    public void Inline()
    {
        while (_model.Graph.AllNodes.Where(node => _functions.ContainsKey(FunctionKey.Of(node.Proto)) && Refusal(node) is null).ToArray() is { Length: > 0 } calls)
        {
            // What one function makes the model import may be what keeps another from being inlined.
            foreach (var call in calls.Where(call => Refusal(call) is null))
            {
                var function = _functions[FunctionKey.Of(call.Proto)];
                Import(function);
                var (nodes, types) = FunctionBody.Of(function, call);
                GraphReader.Substitute(call, nodes, types);
            }

            foreach (var graph in calls.Select(call => call.Graph).Distinct())
            {
                TopologicalOrder.Restore(graph);
            }
        }

        RemoveUnused();
    }

    private string? Refusal(FunctionKey key)
    {
        if (!_functions.TryGetValue(key, out var function))
        {
            return null;
        }

        if (!_refusals.TryGetValue(key, out var refusal))
        {
            refusal = IsRecursive(key) ? "its function calls itself" : Conflict(function);
            _refusals[key] = refusal;
        }

        return refusal;
    }

    /// <summary>What keeps the body from meaning the same under the model's opsets, in words; null where nothing does.</summary>
    private string? Conflict(FunctionProto function)
    {
        var imports = function.OpsetImport.ToLookup(import => Model.Canonical(import.Domain), import => import.Version);
        foreach (var node in Nodes(function.Node).Where(node => !_functions.ContainsKey(FunctionKey.Of(node))))
        {
            var domain = Model.Canonical(node.Domain);
            if (_model.Opsets.TryGetValue(domain, out var version) && imports[domain].Any() && imports[domain].Max() is var own && own != version
                && !(domain.Length == 0 && _isSame(node.OpType, Math.Min(own, version), Math.Max(own, version))))
            {
                return $"its function is written for {(domain.Length == 0 ? "opset" : domain)} {own} and the model for {version}, and {node.OpType} differs between them";
            }
        }

        return null;
    }

    private bool IsRecursive(FunctionKey key)
    {
        var seen = new HashSet<FunctionKey>();
        var open = new Stack<FunctionKey>(Calls(_functions[key].Node));
        while (open.TryPop(out var next))
        {
            if (next == key)
            {
                return true;
            }

            if (seen.Add(next))
            {
                Calls(_functions[next].Node).ToList().ForEach(open.Push);
            }
        }

        return false;
    }

    /// <summary>The model imports every domain that the body uses.</summary>
    private void Import(FunctionProto function)
    {
        foreach (var import in function.OpsetImport.Where(import => !_model.Opsets.ContainsKey(Model.Canonical(import.Domain))))
        {
            _model.SetOpset(Model.Canonical(import.Domain), import.Version);
            _refusals.Clear();
        }
    }

    private void RemoveUnused()
    {
        var used = new HashSet<FunctionKey>();
        var open = new Stack<FunctionKey>(_model.Graph.AllNodes.Select(node => FunctionKey.Of(node.Proto)).Where(_functions.ContainsKey));
        while (open.TryPop(out var key))
        {
            if (used.Add(key))
            {
                Calls(_functions[key].Node).ToList().ForEach(open.Push);
            }
        }

        foreach (var function in _model.Envelope.Functions.Where(function => !used.Contains(FunctionKey.Of(function))).ToArray())
        {
            _model.Envelope.Functions.Remove(function);
        }

        var domains = _model.Graph.AllNodes.Select(node => node.Domain).Concat(used.Select(key => key.Domain)).ToHashSet();
        foreach (var domain in _functions.Keys.Select(key => key.Domain).Distinct().Where(domain => domain.Length > 0 && !domains.Contains(domain)))
        {
            _model.RemoveOpset(domain);
        }
    }

    private IEnumerable<FunctionKey> Calls(IEnumerable<NodeProto> body) => Nodes(body).Select(FunctionKey.Of).Where(_functions.ContainsKey);

    private static IEnumerable<NodeProto> Nodes(IEnumerable<NodeProto> body) => body.SelectMany(node => node.Attribute
        .SelectMany(attribute => (attribute.G is null ? [] : ImmutableArray.Create(attribute.G)).AddRange(attribute.Graphs))
        .SelectMany(graph => Nodes(graph.Node)).Prepend(node));

    /// <summary>What a call and its function have in common.</summary>
    private readonly record struct FunctionKey(string Domain, string Name, string Overload)
    {
        public static FunctionKey Of(NodeProto node) => new(Model.Canonical(node.Domain), node.OpType, node.Overload);

        public static FunctionKey Of(FunctionProto function) => new(Model.Canonical(function.Domain), function.Name, function.Overload);
    }
}
