using System.Numerics.Tensors;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration.Statistics;

/// <summary>Watches the channels of one tensor over all samples. Calls may come from several threads; the result does not depend on their order.</summary>
internal sealed class ChannelObserver(ChannelLayout layout)
{
    private readonly Lock _lock = new();
    private ChannelRanges _ranges = new([.. Enumerable.Repeat(TensorRange.Empty, layout.Count)]);

    /// <summary>To be read when all samples have been seen.</summary>
    public ChannelRanges Ranges => _ranges;

    public void Observe(ReadOnlySpan<float> elements, ReadOnlySpan<long> shape)
    {
        var ranges = layout.Axis < shape.Length && shape[layout.Axis] == layout.Count ? Of(elements, shape) : new([]);
        lock (_lock)
        {
            _ranges = _ranges.MergedWith(ranges);
        }
    }

    private ChannelRanges Of(ReadOnlySpan<float> elements, ReadOnlySpan<long> shape)
    {
        var inner = 1;
        foreach (var length in shape[(layout.Axis + 1)..])
        {
            inner *= (int)length;
        }

        var (lows, highs) = (new float[layout.Count], new float[layout.Count]);
        Array.Fill(lows, float.PositiveInfinity);
        Array.Fill(highs, float.NegativeInfinity);
        if (elements.ContainsAnyExceptInRange(float.MinValue, float.MaxValue))
        {
            AddFinite(elements, inner, lows, highs);
        }
        else if (inner == 1)
        {
            AddRows(elements, lows, highs);
        }
        else
        {
            AddPlanes(elements, inner, lows, highs);
        }

        // Of two zeros the positive one, whichever came first
        return new([.. lows.Zip(highs, (low, high) => new TensorRange(low + 0f, high + 0f))]);
    }

    private static void AddFinite(ReadOnlySpan<float> elements, int inner, float[] lows, float[] highs)
    {
        for (var i = 0; i < elements.Length; i++)
        {
            if (float.IsFinite(elements[i]))
            {
                var channel = i / inner % lows.Length;
                (lows[channel], highs[channel]) = (Math.Min(lows[channel], elements[i]), Math.Max(highs[channel], elements[i]));
            }
        }
    }

    private static void AddRows(ReadOnlySpan<float> elements, float[] lows, float[] highs)
    {
        for (var start = 0; start < elements.Length; start += lows.Length)
        {
            var row = elements.Slice(start, lows.Length);
            TensorPrimitives.Min(lows, row, lows);
            TensorPrimitives.Max(highs, row, highs);
        }
    }

    private static void AddPlanes(ReadOnlySpan<float> elements, int inner, float[] lows, float[] highs)
    {
        for (var start = 0; start < elements.Length; start += inner)
        {
            var channel = start / inner % lows.Length;
            var plane = elements.Slice(start, inner);
            lows[channel] = Math.Min(lows[channel], TensorPrimitives.Min(plane));
            highs[channel] = Math.Max(highs[channel], TensorPrimitives.Max(plane));
        }
    }
}
