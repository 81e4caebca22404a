using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Costs;

/// <summary>What units and conversions cost in one model on the machines of one target, in nanoseconds of one thread.</summary>
internal sealed class OperatorCosts(CostTable table, ModelProfile profile)
{
    /// <summary>What has no weights gains little and loses accuracy all the same: INT8 has to be a little faster to be taken.</summary>
    private const double Premium = 1.05;

    /// <summary>What a node in a form counts besides its time, in nanoseconds: null for a form that is not to be taken. Where there is none, costs are times.</summary>
    public Func<Node, UnitForm, double?>? Surcharge { get; private init; }

    public OperatorCosts With(Func<Node, UnitForm, double?> surcharge) => new(table, profile) { Surcharge = surcharge };

    /// <summary>The node as it is, with the activation behind it; null where nothing is known.</summary>
    public double? Float(QuantizedUnit unit) => KernelWork.Of(unit.Node, profile) is not { } work ? null
        : IsAddedByConvolution(unit.Node) ? 0
        : table.Of(work, "float") + (unit.Activation is { } activation && !unit.Node.Is("Conv") && KernelWork.Of(activation, profile) is { } behind ? table.Of(behind, "float") ?? 0 : 0);

    /// <summary>Any node by itself, 0 where it becomes part of the convolution before it; null where nothing is known.</summary>
    public double? Float(Node node) => IsAddedByConvolution(node) || ((node.Is("Relu") || node.Is("Clip")) && node.Input(0) is { IsGraphOutput: false, Consumers.Count: 1, Producer: { } producer } && producer.Is("Conv"))
        ? 0
        : KernelWork.Of(node, profile) is { } work ? table.Of(work, "float") : null;

    /// <summary>Null where the target has no kernel.</summary>
    public double? Of(QuantizedUnit unit, UnitForm form) => TimeOf(unit, form) + (Surcharge is null ? 0 : Surcharge(unit.Node, form));

    public double Quantize(Value value) => Conversion("Quantize", value);

    public double Dequantize(Value value) => Conversion("Dequantize", value);

    /// <summary>Carrying the channels of a quantized image from one end of its shape to the other; nothing for what is no image.</summary>
    public double Transpose(Value value) => profile.RankOf(value) >= 4 && KernelWork.ElementsOf(value, profile) is { } elements
        ? table.Of(new("Transpose", elements, elements), "int8") ?? 0
        : 0;

    private double? TimeOf(QuantizedUnit unit, UnitForm form) => KernelWork.Of(unit.Node, profile) is not { } work ? null : form switch
    {
        UnitForm.Static => table.Of(work, "int8") * (unit.Rule.Role == OperatorRole.Linear ? 1 : Premium),
        UnitForm.Dynamic => table.Of(work, "dynamic"),
        _ => table.Of(work, "weightOnly"),
    };

    /// <summary>ONNX Runtime's convolutions add what is added to them; the float Add behind one is free.</summary>
    private static bool IsAddedByConvolution(Node node) => node.Is("Add") && node.Inputs.Any(input =>
        input is { IsGraphOutput: false, Consumers.Count: 1, Producer: { } producer } && producer.Is("Conv"));

    private double Conversion(string kind, Value value)
    {
        var elements = KernelWork.ElementsOf(value, profile) ?? 0;
        var isImage = profile.RankOf(value) >= 4;
        return table.Of(new(isImage ? kind + ".image" : kind, elements, elements), "int8") ?? 0;
    }
}
