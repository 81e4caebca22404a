using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// BatchNormalization after Conv, ConvTranspose or Gemm becomes part of their weights and biases:
/// y = (x − mean) · γ/√(variance + ε) + β is a factor and a shift for each channel.
/// </summary>
internal sealed class FoldBatchNormalization : GraphPass
{
    private const float DefaultEpsilon = 1e-5f;

    public override void Run(Model model)
    {
        foreach (var node in Bodies.Nodes(model.Graph).Where(node => node.Is("BatchNormalization")).ToArray())
        {
            if (node.Input(0)?.Producer is { } producer && producer.Graph == node.Graph && ChannelArithmeticOf(node) is { } arithmetic
                && LinearLayer.Of(producer) is { } layer && layer.Apply(arithmetic))
            {
                node.Output.ReplaceAllUsesWith(node.Input(0)!);
                node.Graph.Remove(node);
            }
        }
    }

    /// <summary>Null where the statistics are computed at run time; below opset 14 that is told by their being outputs.</summary>
    internal static ChannelArithmetic? ChannelArithmeticOf(Node node)
    {
        var inputs = node.Inputs.Skip(1).Take(4).ToArray();
        if (inputs.Length < 4 || inputs.Any(input => input is not { IsConstant: true }) || node.Int("training_mode", 0) != 0
            || node.Outputs.Skip(1).Any(output => output is not null))
        {
            return null;
        }

        var values = inputs.Select(input => input!.Constant!.ToFloats()).ToArray();
        var epsilon = node.Float("epsilon", DefaultEpsilon);
        var factors = values[0].Zip(values[3], (gamma, variance) => gamma / Math.Sqrt(variance + (double)epsilon)).ToArray();
        var shifts = factors.Select((factor, channel) => values[1][channel] - (values[2][channel] * factor)).ToArray();
        return new(factors, shifts);
    }
}
