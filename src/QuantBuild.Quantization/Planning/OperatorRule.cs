using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Costs;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Planning;

internal enum OperatorRole
{
    /// <summary>Multiplies by constant weights: what INT8 is for.</summary>
    Linear,

    /// <summary>Multiplies by constant weights at every step of a sequence.</summary>
    Recurrent,

    /// <summary>Looks rows up in a constant table.</summary>
    Embedding,

    /// <summary>Computes on INT8 with an output range of its own; worth it only between INT8 operators.</summary>
    Arithmetic,

    /// <summary>Moves or selects elements: the output has the input's parameters.</summary>
    Moving,

    /// <summary>As <see cref="Moving"/>, but ONNX Runtime fuses it with no Q and DQ: it works on the quantized tensor itself.</summary>
    MovingQuantized,

    /// <summary>Joins tensors; shares one range with those that go nowhere else.</summary>
    Joining,

    /// <summary>Stays float in every form.</summary>
    Float,
}

/// <summary>What a rule may ask about besides the node.</summary>
internal sealed record OperatorContext(ModelProfile Profile, ModelForm Form)
{
    /// <summary>How many values a quantized activation can take.</summary>
    public int Levels => 1 << Form.Activations.Type.BitsPerElement();

    /// <summary>Null where the forms are not chosen by costs.</summary>
    public OperatorCosts? Costs { get; init; } = Form.Format == ModelFormat.Auto ? new(CostTable.Of(Form.Target)!, Profile) : null;
}

/// <summary>A row of <see cref="OperatorRules"/>.</summary>
internal sealed record OperatorRule(string OpType, OperatorRole Role)
{
    /// <summary>"" for ONNX's own operators.</summary>
    public string Domain { get; init; } = "";

    /// <summary>Tells rows of the same operator apart.</summary>
    public Func<Node, bool> Matches { get; init; } = _ => true;

    /// <summary>The axis of output channels in the weights; null for operators without.</summary>
    public Func<Node, int>? ChannelAxis { get; init; }

    /// <summary>The axis of the weights that is summed over.</summary>
    public Func<Node, int> SumAxis { get; init; } = _ => 0;

    public int WeightInput { get; init; } = 1;

    public bool HasBias { get; init; }

    /// <summary>True where the fused kernel can hand out floats when nothing behind it is INT8.</summary>
    public bool MayReturnFloat { get; init; }

    /// <summary>A Relu, or a Clip from 0 on, right behind it becomes part of it.</summary>
    public bool TakesActivation { get; init; }

    /// <summary>A constant operand may stand in for an activation.</summary>
    public bool TakesConstants { get; init; }

    /// <summary>The inputs that carry activations; the others are weights, biases, shapes and axes.</summary>
    public Func<Node, IEnumerable<int>> DataInputs { get; init; } = _ => [0];

    /// <summary>True where every output counts, any of which may be left out; otherwise the first is the only one.</summary>
    public bool HasManyOutputs { get; init; }

    /// <summary>Why this node cannot be quantized; null where it can.</summary>
    public Func<Node, OperatorContext, string?> Refuse { get; init; } = (_, _) => null;

    /// <summary>Why this node had better not be INT8 on a processor, though it could; null where it had.</summary>
    public Func<Node, string?> Loses { get; init; } = _ => null;
}
