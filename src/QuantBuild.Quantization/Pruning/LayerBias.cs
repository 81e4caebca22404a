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

        ConstantInput.Replace(layer, 2, Shifted(bias, shifts));
    }

    /// <summary>A Gemm may have its bias as one row, as one number, as a number for each row of its output, or as all of that.</summary>
    private static TensorData Shifted(TensorData bias, ReadOnlySpan<float> shifts)
    {
        var given = bias.AsSpan<float>();
        var columns = bias.Rank == 0 ? 1 : (int)bias.Dimensions[^1];
        var rows = given.Length / columns;
        var shifted = bias.Derive<float>(rows > 1 ? [rows, shifts.Length] : columns == shifts.Length ? bias.Dimensions : [shifts.Length], out var elements);
        for (var i = 0; i < elements.Length; i++)
        {
            var (row, channel) = (i / shifts.Length, i % shifts.Length);
            elements[i] = given[(row * columns) + (columns == 1 ? 0 : channel)] + shifts[channel];
        }

        return shifted;
    }
}
