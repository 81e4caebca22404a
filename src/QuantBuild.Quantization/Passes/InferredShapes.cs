using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// What ONNX Runtime knows of values' shapes when it loads the model, from its own shape inference. That, and not what a run shows, is what
/// its fusions go by. A body is looked at as a model of its own, whose inputs have the types that the operator around it hands in.
/// </summary>
internal sealed class InferredShapes
{
    private readonly Model _model;
    private readonly ImmutableHashSet<Value> _wanted;
    private readonly bool _isProven;
    private readonly Dictionary<Value, ImmutableArray<long?>> _shapes = [];

    private InferredShapes(Model model, IEnumerable<Value> values, bool isProven)
    {
        _model = model;
        _wanted = [.. values];
        _isProven = isProven;
    }

    /// <summary>A null dimension is open; a value whose rank is open, or all of a scope where it does not load, is left out.</summary>
    public static ImmutableDictionary<Value, ImmutableArray<long?>> Of(Model model, IEnumerable<Value> values) => Of(model, values, isProven: false);

    /// <summary>
    /// Only what follows from the shapes that the model's inputs have: ONNX Runtime runs models whose other declarations are wrong, as where a batch was opened
    /// afterwards, and takes those for shapes as well.
    /// </summary>
    public static ImmutableDictionary<Value, ImmutableArray<long?>> Proven(Model model, IEnumerable<Value> values) => Of(model, values, isProven: true);

    private static ImmutableDictionary<Value, ImmutableArray<long?>> Of(Model model, IEnumerable<Value> values, bool isProven)
    {
        var shapes = new InferredShapes(model, values, isProven);
        shapes.Look(model.Graph, model.Graph.Inputs.ToDictionary(input => input, input => new TensorType(input.DeclaredType, input.DeclaredShape)));
        return shapes._shapes.ToImmutableDictionary();
    }

    private bool IsWanted(Graph graph) => Bodies.Scopes(graph).Any(scope => _wanted.Any(value => value.Graph == scope));

    /// <summary><paramref name="known"/> are the types of what comes into the graph; those of its nodes' results join them.</summary>
    private void Look(Graph graph, Dictionary<Value, TensorType> known)
    {
        var bodies = graph.Nodes.Where(Bodies.IsControlFlow).SelectMany(node => node.Subgraphs, (node, body) => (Node: node, Body: body)).Where(entry => IsWanted(entry.Body)).ToArray();
        Value[] made =
        [
            .. _wanted.Concat(bodies.SelectMany(entry => entry.Node.Inputs.OfType<Value>().Concat(BodyModel.Captured(entry.Body))))
                .Where(value => value.Graph == graph && value.Producer is not null).Distinct().OrderBy(value => value.Name, StringComparer.Ordinal),
        ];
        Infer(graph, made, known);
        foreach (var value in _wanted.Where(value => value.Graph == graph && known.TryGetValue(value, out var type) && !type.Shape.IsDefaultOrEmpty))
        {
            _shapes[value] = known[value].Shape;
        }

        foreach (var (node, body) in bodies)
        {
            var entering = BodyInputs(node, body, known).Concat(BodyModel.Captured(body).Where(known.ContainsKey).Select(value => KeyValuePair.Create(value, known[value])));
            Look(body, entering.ToDictionary());
        }
    }

    private void Infer(Graph graph, Value[] made, Dictionary<Value, TensorType> known)
    {
        if (made.Length == 0)
        {
            return;
        }

        var probe = BodyModel.Extract(_model, graph);
        var entering = known.ToDictionary(entry => entry.Key.Name, entry => entry.Value);
        foreach (var input in probe.Graph.Inputs.Where(input => graph.Parent is not null && entering.ContainsKey(input.Name)))
        {
            input.Declare(entering[input.Name].Type, entering[input.Name].Shape);
        }

        foreach (var value in probe.Graph.Values.Where(value => _isProven && value.Producer is not null))
        {
            value.RemoveDeclaration();
        }

        probe.Graph.SetOutputs(made.Select(value => probe.Graph.Find(value.Name)!));
        RemoveUnused.Prune(probe.Graph);
        try
        {
            using var session = InferenceModel.Load(probe, Optimization.None);
            var outputs = session.Outputs.ToDictionary(output => output.Name, output => new TensorType(output.Type, output.Dimensions));
            foreach (var value in made.Where(value => outputs.TryGetValue(value.Name, out var type) && type.Type != ElementType.Undefined))
            {
                known[value] = outputs[value.Name];
            }
        }
        catch (InferenceException)
        {
            // Then nothing is known here; whether the model runs at all is found out with a sample.
        }
    }

    /// <summary>What is carried through a Loop may change its shape; a Scan hands in slices without the axis that it goes along.</summary>
    private IEnumerable<KeyValuePair<Value, TensorType>> BodyInputs(Node node, Graph body, Dictionary<Value, TensorType> known)
    {
        TensorType? Of(Value? value) => value is null ? null
            : value.IsConstant ? new(value.Constant!.Type, [.. value.Constant.Dimensions.Select(length => (long?)length)])
            : known.GetValueOrDefault(value);
        var given = node.Inputs.Select(Of).ToArray();
        var scanned = node.Is("Scan") ? (int)node.Int("num_scan_inputs", 1) : 0;
        var axes = node.Ints("scan_input_axes");
        TensorType?[] types = node.OpType switch
        {
            "Loop" => [new(ElementType.Int64, []), new(ElementType.Boolean, []), .. given.Skip(2).Zip(body.Inputs.Skip(2), (type, input) => type is null ? null : type with { Shape = _isProven ? default : input.DeclaredShape })],
            "Scan" => [.. given.SkipLast(scanned), .. given.TakeLast(scanned).Select((type, index) => type?.Without(axes.IsDefault ? 0 : (int)axes[index]))],
            _ => [],
        };
        return body.Inputs.Zip(types).Where(entry => entry.Second is not null).Select(entry => KeyValuePair.Create(entry.First, entry.Second!));
    }

    private sealed record TensorType(ElementType Type, ImmutableArray<long?> Shape)
    {
        public TensorType Without(int axis) => Shape.IsDefaultOrEmpty ? this : this with { Shape = Shape.RemoveAt(axis < 0 ? axis + Shape.Length : axis) };
    }
}
