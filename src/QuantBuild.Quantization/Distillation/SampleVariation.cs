using System.Collections.Immutable;
using System.Numerics.Tensors;
using QuantBuild.Data;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Distillation;

/// <summary>
/// Makes new inputs out of samples. Teacher and student see the same ones, so that what is in them does not matter, only that they are like what the model
/// was trained on: images are shifted and mirrored, and float inputs of the same shape are mixed (mixup, Zhang et al. 2018). Without variation a few hundred
/// samples are soon known by heart.
/// </summary>
internal static class SampleVariation
{
    /// <summary>Smaller planes are no images.</summary>
    private const int SmallestSide = 16;

    /// <summary>Of a side, in either direction.</summary>
    private const double LargestShift = 0.125;

    /// <param name="inputs">A sample's.</param>
    /// <param name="other">Those of another.</param>
    /// <param name="random">Whose numbers decide.</param>
    public static SampleInputs Of(SampleInputs inputs, SampleInputs other, Random random)
    {
        var (isMirrored, down, right) = (random.NextDouble() < 0.5, (2 * random.NextDouble()) - 1, (2 * random.NextDouble()) - 1);
        var mixed = random.NextDouble() < 0.5 ? (float)random.NextDouble() / 2 : 0;
        // Where some inputs cannot be mixed none are: they belong together.
        var canMix = inputs.Tensors.All(entry => entry.Value.Type == ElementType.Float && other.Tensors.TryGetValue(entry.Key, out var tensor) && tensor.Dimensions.SequenceEqual(entry.Value.Dimensions));
        return new(inputs.Tensors.ToImmutableDictionary(entry => entry.Key, entry => Vary(entry.Key, entry.Value))) { Sequences = inputs.Sequences };

        TensorData Vary(string name, TensorData tensor)
        {
            var varied = IsImage(tensor) ? Moved(tensor, isMirrored, down, right) : tensor;
            if (!canMix || mixed == 0)
            {
                return varied;
            }

            var result = varied.Derive<float>(varied.Dimensions, out var elements);
            TensorPrimitives.Multiply(varied.AsSpan<float>(), 1 - mixed, elements);
            TensorPrimitives.MultiplyAdd(other.Tensors[name].AsSpan<float>(), mixed, elements, elements);
            return result;
        }
    }

    private static bool IsImage(TensorData tensor) =>
        tensor is { Type: ElementType.Float, Rank: 4 } && tensor.Dimensions[2] >= SmallestSide && tensor.Dimensions[3] >= SmallestSide;

    /// <summary>What comes in at a side repeats the border.</summary>
    private static TensorData Moved(TensorData tensor, bool isMirrored, double down, double right)
    {
        var (height, width) = ((int)tensor.Dimensions[2], (int)tensor.Dimensions[3]);
        var source = tensor.AsSpan<float>();
        var (rows, columns) = ((int)Math.Round(down * LargestShift * height), (int)Math.Round(right * LargestShift * width));
        var moved = tensor.Derive<float>(tensor.Dimensions, out var target);
        for (var row = 0; row < target.Length / width; row++)
        {
            var (plane, from) = (row / height * height, Math.Clamp((row % height) + rows, 0, height - 1));
            for (var column = 0; column < width; column++)
            {
                var place = Math.Clamp(column + columns, 0, width - 1);
                target[(row * width) + column] = source[((plane + from) * width) + (isMirrored ? width - 1 - place : place)];
            }
        }

        return moved;
    }
}
