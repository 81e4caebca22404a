using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;

namespace QuantBuild.Quantization.Planning;

internal enum OperatorRole
{
    /// <summary>Multiplies by constant weights: what INT8 is for.</summary>
    Linear,

    /// <summary>Computes on INT8 with an output range of its own; worth it only between INT8 operators.</summary>
    Arithmetic,

    /// <summary>Moves or selects elements: the output has the input's parameters.</summary>
    Moving,

    /// <summary>As <see cref="Moving"/>, but ONNX Runtime fuses it with no Q and DQ: it works on the quantized tensor itself.</summary>
    MovingQuantized,

    /// <summary>Joins tensors; shares one range with those that go nowhere else.</summary>
    Joining,
}

/// <summary>A row of <see cref="OperatorRules"/>.</summary>
internal sealed record OperatorRule(string OpType, OperatorRole Role)
{
    /// <summary>The axis of output channels in the weights; null for operators without.</summary>
    public Func<Node, int>? ChannelAxis { get; init; }

    public bool HasBias { get; init; }

    /// <summary>True where the fused kernel can hand out floats when nothing behind it is INT8.</summary>
    public bool MayReturnFloat { get; init; }

    /// <summary>A Relu, or a Clip from 0 on, right behind it becomes part of it.</summary>
    public bool TakesActivation { get; init; }

    /// <summary>Why this node cannot be, or is not worth being, INT8; null where it may.</summary>
    public Func<Node, ModelProfile, string?> Refuse { get; init; } = (_, _) => null;

    /// <summary>The inputs that carry activations; the others are weights, biases, shapes and axes.</summary>
    public IEnumerable<int> DataInputs(Node node) =>
        OpType is "Add" or "Concat" ? Enumerable.Range(0, node.Inputs.Count) : [0];
}
