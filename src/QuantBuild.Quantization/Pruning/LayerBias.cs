using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Pruning;

/// <summary>What is added to the output channels of a layer.</summary>
internal static class LayerBias
{
    /// <summary>True where the layer has a constant bias or can be given one.</summary>
    public static bool IsPossible(Node layer) => !layer.Is("MatMul") && layer.Input(2) is null or { IsConstant: true };

    /// <param name="layer">One that can have a bias.</param>
    /// <param name="shifts">What each channel gains; none where nothing changes.</param>
    public static void Shift(Node layer, ReadOnlySpan<float> shifts)
    {
        if (shifts.Length == 0)
        {
            return;
        }

        if (layer.Input(2) is not { Constant: { } bias })
        {
            layer.SetInput(2, layer.Graph.AddInitializer(layer.Output.Name + "_bias", TensorData.Vector(shifts)));
            return;
        }

        // A Gemm may have its bias as one row, or as one number.
        var shifted = bias.Derive<float>(bias.ElementCount == shifts.Length ? bias.Dimensions : [shifts.Length], out var elements);
        for (var channel = 0; channel < shifts.Length; channel++)
        {
            elements[channel] = bias.AsSpan<float>()[bias.ElementCount == 1 ? 0 : channel] + shifts[channel];
        }

        ConstantInput.Replace(layer, 2, shifted);
    }
}
