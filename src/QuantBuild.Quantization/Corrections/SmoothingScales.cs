using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Numerics.Tensors;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Corrections;

/// <summary>
/// One factor for each channel of a matrix product's input: the input is divided by them and the rows of the weights are multiplied, which leaves the
/// product as it was and the input without channels that stand out.
/// </summary>
internal sealed class SmoothingScales(ImmutableArray<float> factors, double strength)
{
    private readonly ConcurrentDictionary<TensorData, TensorData> _scaled = new();

    /// <summary>How much of the spread has moved into the weights, from 0 to 1.</summary>
    public double Strength { get; } = strength;

    public TensorData Inverse { get; } = TensorData.Vector<float>([.. factors.Select(factor => 1 / factor)]);

    /// <summary>The weights with their rows multiplied, or their columns where they are summed over axis 1: the same tensor each time.</summary>
    public TensorData Scale(TensorData weights, int sumAxis) => _scaled.GetOrAdd(weights, given =>
    {
        var tensor = given.Derive<float>(given.Dimensions, out var result);
        var columns = (int)given.Dimensions[1];
        for (var row = 0; row < (int)given.Dimensions[0]; row++)
        {
            var source = given.AsSpan<float>().Slice(row * columns, columns);
            var target = result.Slice(row * columns, columns);
            if (sumAxis == 0)
            {
                TensorPrimitives.Multiply(source, factors[row], target);
            }
            else
            {
                TensorPrimitives.Multiply(source, factors.AsSpan(), target);
            }
        }

        return tensor;
    });
}
