using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// The function that elementwise operators with scalar constants compute of one value, x ↦ y: what it is made of, and what it gives for a number.
/// Exporters spell the same activation in many ways; its values tell it, not its spelling.
/// </summary>
internal sealed class ElementwiseFunction
{
    private readonly Value _source;
    private readonly Dictionary<Value, Func<double, double>> _functions = [];

    private ElementwiseFunction(Value source) => _source = source;

    public Value Source => _source;

    /// <summary>The operators, the last first.</summary>
    public List<Node> Nodes { get; } = [];

    /// <summary>
    /// The largest such function whose result is <paramref name="output"/> and of whose intermediate results nothing else is read; null where there is none of at
    /// least two operators.
    /// </summary>
    public static ElementwiseFunction? EndingIn(Value output)
    {
        // Each way back stops at a value that is not computed elementwise; as long as there are several such ends, the one computed last is opened.
        var nodes = new List<Node>();
        var ends = new HashSet<Value> { output };
        ElementwiseFunction? largest = null;
        var positions = output.Graph.Nodes.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        while (ends.Where(end => IsInner(end, output, nodes)).MaxBy(end => positions[end.Producer!]) is { } next)
        {
            ends.Remove(next);
            nodes.Add(next.Producer!);
            ends.UnionWith(next.Producer!.Inputs.OfType<Value>().Where(input => !input.IsConstant));
            if (ends.Count == 1 && nodes.Count > 1)
            {
                largest = new(ends.Single());
                largest.Nodes.AddRange(nodes);
            }
        }

        largest?.Compose();
        return largest;
    }

    public double At(double x) => _functions[Nodes[0].Output](x);

    private static bool IsInner(Value value, Value output, List<Node> nodes) =>
        value.Producer is { } producer && producer.Graph == output.Graph && IsElementwise(producer)
        && (value == output || (!value.IsGraphOutput && value.Consumers.All(use => nodes.Contains(use.Node))));

    private static bool IsElementwise(Node node) =>
        node.Domain.Length == 0 && node.Outputs.Count == 1 && FunctionOf(node) is not null
        && node.Inputs.OfType<Value>().Any(input => !input.IsConstant)
        && node.Inputs.OfType<Value>().Where(input => input.IsConstant).All(input => input.Constant is { Type: ElementType.Float, ElementCount: 1, Rank: <= 1 });

    private static Func<double[], double>? FunctionOf(Node node) => node.OpType switch
    {
        "Add" => x => x[0] + x[1],
        "Sub" => x => x[0] - x[1],
        "Mul" => x => x[0] * x[1],
        "Div" => x => x[0] / x[1],
        "Pow" => x => Math.Pow(x[0], x[1]),
        "Neg" => x => -x[0],
        "Exp" => x => Math.Exp(x[0]),
        "Tanh" => x => Math.Tanh(x[0]),
        "Relu" => x => Math.Max(x[0], 0),
        "Sigmoid" => x => 1 / (1 + Math.Exp(-x[0])),
        "Clip" when node.Input(1) is not null && node.Input(2) is not null => x => Math.Min(Math.Max(x[0], x[1]), x[2]),
        "HardSigmoid" => x => Math.Clamp((node.Float("alpha", 0.2f) * x[0]) + node.Float("beta", 0.5f), 0, 1),
        _ => null,
    };

    private void Compose()
    {
        _functions[_source] = x => x;
        foreach (var node in Enumerable.Reverse(Nodes))
        {
            var apply = FunctionOf(node)!;
            var inputs = node.Inputs.OfType<Value>().Select(OperandOf).ToArray();
            _functions[node.Output] = x => apply(Array.ConvertAll(inputs, input => input(x)));
        }

        Func<double, double> OperandOf(Value value)
        {
            if (_functions.TryGetValue(value, out var function))
            {
                return function;
            }

            double constant = value.Constant!.ToFloats()[0];
            return _ => constant;
        }
    }
}
