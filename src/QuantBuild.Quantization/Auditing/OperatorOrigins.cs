using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Auditing;

/// <summary>
/// Leads from the nodes of an optimized graph back to operators that the user knows. ONNX Runtime gives what it fuses the name of the main node
/// with something behind it, so each node of <see cref="Marked"/> has a name of its own.
/// </summary>
internal sealed class OperatorOrigins
{
    private const string Mark = "quantbuild:";
    private const string BeforeQ = "_pre_q";

    private readonly Node[] _written;
    private readonly Dictionary<string, Node> _byName = [];
    private readonly Dictionary<string, Node> _byOutput = [];

    /// <param name="operators">The model whose operators are looked for.</param>
    /// <param name="quantized">What was made of it; the same where nothing more is known.</param>
    public OperatorOrigins(Model operators, Model quantized)
    {
        Marked = quantized.Clone();
        _written = [.. Bodies.Nodes(quantized.Graph)];
        foreach (var (index, node) in Bodies.Nodes(Marked.Graph).Index())
        {
            node.Name = string.Create(CultureInfo.InvariantCulture, $"{Mark}{index}_");
        }

        foreach (var node in Bodies.Nodes(operators.Graph).Where(node => !QuantizedTensors.IsConversion(node)))
        {
            _byName.TryAdd(node.Name, node);
            foreach (var output in node.Outputs.OfType<Value>())
            {
                _byOutput.TryAdd(output.Name, node);
            }
        }

        _byName.Remove("");
    }

    /// <summary>A copy of the quantized model, to be loaded.</summary>
    public Model Marked { get; }

    /// <summary>The operator that this node is or has become part of; null for what was put around it.</summary>
    public Node? Of(Node optimized) => (Written(optimized) is { } written ? Named(written) : null) ?? Making(optimized);

    /// <summary>The operator that gives this node its first input.</summary>
    public Node? Before(Node optimized)
    {
        for (var node = optimized.Input(0)?.Producer; node is not null; node = node.Input(0)?.Producer)
        {
            if (Of(node) is { } origin)
            {
                return origin;
            }
        }

        return null;
    }

    /// <summary>The nearest operator that takes what this node makes.</summary>
    public Node? Behind(Node optimized)
    {
        var waiting = new Queue<Node>([optimized]);
        var seen = new HashSet<Node>();
        while (waiting.TryDequeue(out var node))
        {
            foreach (var next in node.Outputs.OfType<Value>().SelectMany(output => output.Consumers).Select(use => use.Node).Where(seen.Add))
            {
                if (Of(next) is { } origin)
                {
                    return origin;
                }

                waiting.Enqueue(next);
            }
        }

        return null;
    }

    private Node? Written(Node optimized)
    {
        if (!optimized.Name.StartsWith(Mark, StringComparison.Ordinal))
        {
            return null;
        }

        var digits = optimized.Name[Mark.Length..].TakeWhile(char.IsAsciiDigit).ToArray();
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < _written.Length ? _written[index] : null;
    }

    private Node? Named(Node written) => Making(written) ?? _byName.GetValueOrDefault(written.Name);

    /// <summary>Rewriting and fusing leave the names of values as they are; where a Q is moved in front of a move, what it reads gets an ending.</summary>
    private Node? Making(Node node) => node.Outputs.OfType<Value>()
        .Select(output => _byOutput.GetValueOrDefault(output.Name) ?? (output.Name.EndsWith(BeforeQ, StringComparison.Ordinal) ? _byOutput.GetValueOrDefault(output.Name[..^BeforeQ.Length]) : null))
        .FirstOrDefault(origin => origin is not null);
}
