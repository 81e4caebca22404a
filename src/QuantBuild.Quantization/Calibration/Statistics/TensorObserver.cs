using System.Buffers;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration.Statistics;

/// <summary>Watches one tensor over all samples. Calls may come from several threads; the result does not depend on their order.</summary>
internal sealed class TensorObserver(StatisticsKinds kinds)
{
    /// <summary>Fewer elements are counted one by one under the lock: the tables of a counter cost more.</summary>
    private const int SmallTensor = 1024;

    private readonly Lock _lock = new();
    private readonly Histogram? _histogram = kinds.HasFlag(StatisticsKinds.Histogram) ? new() : null;
    private TensorRange _range = TensorRange.Empty;
    private SampleEnds _ends;
    private SampleSquares _squares;
    private long _notFinite;
    private SampleHandle? _firstNotFinite;

    /// <summary>To be read when all samples have been seen.</summary>
    public TensorStatistics Statistics =>
        new(_range, _notFinite, kinds.HasFlag(StatisticsKinds.SampleEnds) ? _ends : null, _histogram) { Squares = _squares, FirstNotFinite = _firstNotFinite };

    /// <param name="elements">The tensor of one sample; it may be empty.</param>
    /// <param name="counter">The calling thread's own.</param>
    /// <param name="sample">Null where nobody asks which.</param>
    public void Observe(ReadOnlySpan<float> elements, HistogramCounter counter, SampleHandle? sample = null)
    {
        if (elements.IsEmpty)
        {
            return;
        }

        // With the bins as wide as they already are, the counts need no coalescing; a race here costs no more than that
        if (CountsInTables(elements) && counter.TryCount(elements, _histogram!.Exponent))
        {
            lock (_lock)
            {
                Add(counter.Range, SampleSquares.Of(elements.Length, counter.Squares));
                _histogram.Add(counter);
            }

            return;
        }

        var summary = ElementSummary.Of(elements);
        if (summary.AllFinite)
        {
            ObserveFinite(elements, summary, counter);
            return;
        }

        var buffer = ArrayPool<float>.Shared.Rent(elements.Length);
        var finite = Finite(elements, buffer);
        lock (_lock)
        {
            _notFinite += elements.Length - finite.Length;
            _firstNotFinite = SampleHandle.First(_firstNotFinite, sample);
        }

        if (!finite.IsEmpty)
        {
            ObserveFinite(finite, ElementSummary.Of(finite), counter);
        }

        ArrayPool<float>.Shared.Return(buffer);
    }

    private static ReadOnlySpan<float> Finite(ReadOnlySpan<float> elements, Span<float> buffer)
    {
        var count = 0;
        foreach (var element in elements)
        {
            if (float.IsFinite(element))
            {
                buffer[count++] = element;
            }
        }

        return buffer[..count];
    }

    private bool CountsInTables(ReadOnlySpan<float> elements) => _histogram is not null && elements.Length > SmallTensor;

    private void ObserveFinite(ReadOnlySpan<float> elements, ElementSummary summary, HistogramCounter counter)
    {
        var range = summary.Range;
        var largest = Math.Max(Math.Abs(range.Min), Math.Abs(range.Max));
        var isCounted = CountsInTables(elements) && counter.TryCount(elements, Math.Max(Histogram.ExponentFor(largest), _histogram!.Exponent));
        lock (_lock)
        {
            Add(range, SampleSquares.Of(elements.Length, summary.Squares));
            if (isCounted)
            {
                _histogram!.Add(counter);
            }
            else
            {
                _histogram?.Add(elements, largest);
            }
        }
    }

    private void Add(TensorRange range, SampleSquares squares)
    {
        _range = _range.Union(range);
        _squares += squares;
        if (kinds.HasFlag(StatisticsKinds.SampleEnds))
        {
            _ends += SampleEnds.Of(range);
        }
    }
}
