using System.Numerics.Tensors;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration;

/// <summary>The range from the smallest to the largest element ever seen.</summary>
internal sealed class MinMaxObserver : RangeObserver
{
    private readonly Lock _lock = new();
    private TensorRange _range = TensorRange.Empty;
    private long _notFinite;

    public override TensorRange Range => _range;

    public override long NotFinite => _notFinite;

    public override void Observe(ReadOnlySpan<float> elements)
    {
        if (elements.IsEmpty)
        {
            return;
        }

        // Min and Max hand on a NaN, and an infinity is one of them: the slow way is taken for such tensors alone.
        var seen = new TensorRange(TensorPrimitives.Min(elements), TensorPrimitives.Max(elements));
        var notFinite = 0L;
        if (!float.IsFinite(seen.Min) || !float.IsFinite(seen.Max))
        {
            (seen, notFinite) = FiniteRange(elements);
        }

        lock (_lock)
        {
            _range = _range.Union(seen);
            _notFinite += notFinite;
        }
    }

    private static (TensorRange Range, long NotFinite) FiniteRange(ReadOnlySpan<float> elements)
    {
        var (range, notFinite) = (TensorRange.Empty, 0L);
        foreach (var element in elements)
        {
            if (float.IsFinite(element))
            {
                range = range.Union(new(element, element));
            }
            else
            {
                notFinite++;
            }
        }

        return (range, notFinite);
    }
}
