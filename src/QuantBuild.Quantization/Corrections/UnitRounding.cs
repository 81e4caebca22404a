using System.Numerics.Tensors;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Rewriting;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Corrections;

/// <summary>The rounding of one unit's weights, from some samples of its inputs, and its proof on others.</summary>
internal sealed class UnitRounding
{
    private readonly LayerInputs _inputs;
    private readonly QuantizedUnit _unit;
    private readonly QuantizedWeights _nearest;
    private readonly WeightGrid _grid;
    private readonly bool _mayChangeScales;
    private readonly SmoothingScales? _smoothing;
    private readonly TensorData _weights;
    private readonly float[] _rows;

    /// <param name="unit">A layer.</param>
    /// <param name="given">How its weights are quantized.</param>
    /// <param name="weights">In float, multiplied with the factors of smoothing if there is any.</param>
    /// <param name="inputs">What it multiplies with its weights.</param>
    /// <param name="smoothing">What the inputs are to be divided by.</param>
    public UnitRounding(QuantizedUnit unit, WeightScheme given, TensorData weights, LayerInputs inputs, SmoothingScales? smoothing = null)
    {
        var scheme = UnitWeights.Suit(unit, given);
        (_unit, _inputs, _weights, _smoothing) = (unit, inputs, weights, smoothing);
        _nearest = UnitWeights.Quantize(unit, _weights, given);
        _grid = new(_nearest, scheme);
        _mayChangeScales = scheme is { Granularity: WeightGranularity.PerChannel, IsPowerOfTwo: false };
        _rows = Geometry.Rows(_weights);
    }

    /// <summary>Those of <see cref="MomentsOf"/>, where they are known already.</summary>
    public Func<int, LayerMoments?>? Moments { get; init; }

    private LayerGeometry Geometry => _inputs.Geometry;

    /// <summary>Null where it is no better than the nearest integers.</summary>
    public QuantizedWeights? Find() => Round() is { } rounded && IsBetter(rounded) ? rounded : null;

    /// <summary>The weights as the samples that choose have them; null where those have nothing.</summary>
    public QuantizedWeights? Round()
    {
        var integers = new int[_rows.Length];
        var scales = _nearest.Parameters.Scales.ToArray();
        for (var group = 0; group < Geometry.Groups; group++)
        {
            if (Rounding(group) is not { } rounding)
            {
                return null;
            }

            Parallel.For(group * Geometry.ChannelsOfGroup, (group + 1) * Geometry.ChannelsOfGroup, channel => Round(rounding, channel, integers, scales));
        }

        return new(Tensor(integers), _nearest.Parameters with { Scales = [.. scales] });
    }

    /// <summary>What the inputs of a group are like on the samples that choose; null where those have nothing.</summary>
    public static LayerMoments? MomentsOf(QuantizedUnit unit, LayerInputs inputs, int group) => LayerMoments.Of(inputs, group, position => !RequestData.IsProving(position), unit.HasBias);

    private LayerRounding? Rounding(int group)
    {
        var moments = Moments is not null ? Moments(group) : MomentsOf(_unit, _inputs, group);
        return moments is null ? null : LayerRounding.Of(_smoothing is null ? moments : moments.Scale(_smoothing.Inverse.AsSpan<float>()));
    }

    private void Round(LayerRounding rounding, int channel, int[] integers, float[] scales)
    {
        var (start, depth) = (channel * Geometry.Depth, Geometry.Depth);
        var factor = rounding.Round(_rows.AsSpan(start, depth), index => _grid.At(Geometry.ElementOf(channel, index)), integers.AsSpan(start, depth));
        if (_mayChangeScales)
        {
            scales[_grid.GroupOf(Geometry.ElementOf(channel, 0))] *= (float)factor;
        }
    }

    private TensorData Tensor(int[] integers)
    {
        var tensor = _weights.Derive(_nearest.Parameters.Type, _weights.Dimensions, out var bytes);
        for (var i = 0; i < integers.Length; i++)
        {
            IntegerTypes.Set(bytes, _nearest.Parameters.Type, Geometry.ElementOf(i / Geometry.Depth, i % Geometry.Depth), integers[i]);
        }

        return tensor;
    }

    private float[] ChangeOf(QuantizedWeights quantized)
    {
        var change = Geometry.Rows(WeightQuantization.Dequantize(quantized));
        TensorPrimitives.Subtract(change, _rows, change);
        return change;
    }

    /// <summary>At the layer's output, on the samples that prove. Where those have nothing, the nearest integers stay.</summary>
    private bool IsBetter(QuantizedWeights rounded)
    {
        var (changes, sums) = (new[] { ChangeOf(rounded), ChangeOf(_nearest) }, new double[2]);
        for (var group = 0; group < Geometry.Groups; group++)
        {
            var rows = _inputs.Columns(group, RequestData.IsProving);
            for (var index = 0; _smoothing is not null && index < Geometry.Depth; index++)
            {
                var column = rows.Columns.AsSpan(index * rows.Count, rows.Count);
                TensorPrimitives.Multiply(column, _smoothing.Inverse.AsSpan<float>()[index], column);
            }

            for (var channel = group * Geometry.ChannelsOfGroup; channel < (group + 1) * Geometry.ChannelsOfGroup; channel++)
            {
                sums[0] += Error(rows, changes[0].AsSpan(channel * Geometry.Depth, Geometry.Depth));
                sums[1] += Error(rows, changes[1].AsSpan(channel * Geometry.Depth, Geometry.Depth));
            }
        }

        return sums[0] < sums[1];
    }

    private double Error(SampledRows rows, ReadOnlySpan<float> change)
    {
        var outputs = rows.Times(change);
        var mean = _unit.HasBias ? Math.Pow(TensorPrimitives.Sum<float>(outputs), 2) / Math.Max(rows.Count, 1) : 0;
        return TensorPrimitives.SumOfSquares<float>(outputs) - mean;
    }
}
