using System.Collections.Immutable;
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

    /// <summary>Of each channel; none where its weights have several.</summary>
    private readonly ImmutableArray<WeightStep> _steps;

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
        _steps = scheme.Granularity == WeightGranularity.PerBlock ? [] : [.. Enumerable.Range(0, Geometry.Channels).Select(channel => _grid.At(Geometry.ElementOf(channel, 0)))];
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

            var (first, start, length) = (group * Geometry.ChannelsOfGroup, group * Geometry.ChannelsOfGroup * Geometry.Depth, Geometry.ChannelsOfGroup * Geometry.Depth);
            var factors = rounding.Round(_rows.AsMemory(start, length), (channel, index) => StepOf(first + channel, index), integers.AsMemory(start, length));
            for (var channel = first; _mayChangeScales && channel < first + factors.Length; channel++)
            {
                scales[_grid.GroupOf(Geometry.ElementOf(channel, 0))] *= (float)factors[channel - first];
            }
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

    private WeightStep StepOf(int channel, int index) => _steps.IsEmpty ? _grid.At(Geometry.ElementOf(channel, index)) : _steps[channel];

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

            var (start, length) = (group * Geometry.ChannelsOfGroup * Geometry.Depth, Geometry.ChannelsOfGroup * Geometry.Depth);
            for (var index = 0; index < sums.Length; index++)
            {
                sums[index] += Error(rows, changes[index].AsSpan(start, length));
            }
        }

        return sums[0] < sums[1];
    }

    /// <summary>Of all channels of a group together.</summary>
    private double Error(SampledRows rows, ReadOnlySpan<float> changes)
    {
        var error = 0.0;
        rows.Times(changes, Geometry.Depth, outputs =>
        {
            var mean = _unit.HasBias ? Math.Pow(TensorPrimitives.Sum(outputs), 2) / Math.Max(rows.Count, 1) : 0;
            error += TensorPrimitives.SumOfSquares(outputs) - mean;
        });
        return error;
    }
}
