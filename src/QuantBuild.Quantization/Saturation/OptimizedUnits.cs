using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Locks;

namespace QuantBuild.Quantization.Saturation;

/// <summary>The graph that ONNX Runtime executes, and its units that may saturate.</summary>
internal sealed class OptimizedUnits
{
    private const string MicrosoftDomain = "com.microsoft";

    /// <summary>Operators that multiply unsigned by signed bytes among other things; they are not emulated.</summary>
    private static readonly string[] NotEmulated = ["DynamicQuantizeLSTM", "QAttention"];

    private readonly Dictionary<string, string> _readers;

    private OptimizedUnits(Model model, ImmutableArray<IntegerUnit> units, Dictionary<string, string> readers) => (Model, Units, _readers) = (model, units, readers);

    public Model Model { get; }

    public ImmutableArray<IntegerUnit> Units { get; }

    /// <summary>Null where something saturates that cannot be emulated: in a body, or in an operator or a form that is not known.</summary>
    public static OptimizedUnits? Of(Model quantized)
    {
        if (Optimize(quantized) is not { } model)
        {
            return null;
        }

        SplitDynamicProducts(model.Graph);
        ImmutableArray<IntegerUnit> units = [.. model.Graph.AllNodes.Select(IntegerUnit.Of).OfType<IntegerUnit>().Where(unit => unit.CanSaturate)];
        var isKnown = !model.Graph.AllNodes.Any(MaySaturateUnknown)
            && (units.IsEmpty || (units.All(unit => unit.IsKnown) && !model.Graph.Nodes.Any(node => Bodies.IsControlFlow(node) || MakesNoTensor(node))));
        return isKnown ? new(model, units, Readers(quantized)) : null;
    }

    /// <summary>The name of the operator in the model's file, which the optimized graph has changed.</summary>
    public string NameOf(IntegerUnit unit) =>
        unit.Node.Inputs.OfType<Value>().Where(input => input.Constant?.Type == ElementType.Int8 && input.Constant.Rank > 1)
            .Select(input => _readers.GetValueOrDefault(input.Name, input.Name)).FirstOrDefault(unit.Node.Output.Name);

    private static Model? Optimize(Model quantized)
    {
        try
        {
            return InferenceModel.IsLarge(quantized) ? null : OptimizedModel.Read(quantized, model => model);
        }
        catch (InferenceException)
        {
            return null;
        }
    }

    /// <summary>DynamicQuantizeMatMul is DynamicQuantizeLinear and a product, which is what is emulated.</summary>
    private static void SplitDynamicProducts(Graph graph)
    {
        foreach (var node in graph.Nodes.Where(node => node.OpType == "DynamicQuantizeMatMul").ToArray())
        {
            Value[] quantized = [graph.AddValue(node.Output.Name + "_quantized"), graph.AddValue(node.Output.Name + "_scale"), graph.AddValue(node.Output.Name + "_zero_point")];
            graph.AddNode("DynamicQuantizeLinear", [node.Input(0)], quantized, node);
            graph.Replace(node, "MatMulIntegerToFloat", [quantized[0], node.Input(1), quantized[1], node.Input(2), quantized[2], node.Input(3), node.Input(4)], MicrosoftDomain);
        }
    }

    private static bool MaySaturateUnknown(Node node) => NotEmulated.Contains(node.OpType)
        && node.Inputs.OfType<Value>().Any(input => input.Constant is { Type: ElementType.Int8, Rank: >= 2 } weights && Matrices(weights).Any(matrix => PairedWeights.OfMatrix(matrix, false).CanSaturate));

    /// <summary>The last two dimensions, once for each index of those before.</summary>
    private static IEnumerable<TensorData> Matrices(TensorData stack)
    {
        ImmutableArray<long> dimensions = [stack.Dimensions[^2], stack.Dimensions[^1]];
        var length = (int)(dimensions[0] * dimensions[1]);
        return Enumerable.Range(0, length == 0 ? 0 : stack.Bytes.Length / length).Select(index => new TensorData(stack.Type, dimensions, stack.Bytes.Slice(index * length, length)));
    }

    private static bool MakesNoTensor(Node node) =>
        node.OpType is "SplitToSequence" or "Optional" or "OptionalGetElement" || node.OpType.StartsWith("Sequence", StringComparison.Ordinal);

    /// <summary>From the name of a constant to the operator that reads it, itself or through a DQ.</summary>
    private static Dictionary<string, string> Readers(Model model)
    {
        var readers = new Dictionary<string, string>();
        foreach (var node in model.Graph.AllNodes.Where(node => node.OpType != "DequantizeLinear"))
        {
            foreach (var constant in node.Inputs.Select(input => input?.Producer is { OpType: "DequantizeLinear" } dequantize ? dequantize.Input(0) : input).OfType<Value>().Where(value => value.HasConstant))
            {
                readers.TryAdd(constant.Name, node.Name.Length > 0 ? node.Name : ModelLock.NameOf(node));
            }
        }

        return readers;
    }
}
