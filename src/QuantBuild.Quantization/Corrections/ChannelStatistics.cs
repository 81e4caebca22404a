using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Corrections;

/// <summary>The ends of each channel of a tensor over samples, 0 between them, and the sum of squares.</summary>
internal sealed class ChannelStatistics(int channels)
{
    public float[] Min { get; } = new float[channels];

    public float[] Max { get; } = new float[channels];

    public double[] Squares { get; } = new double[channels];

    /// <summary>The largest magnitude of each channel.</summary>
    public float[] Largest => [.. Min.Zip(Max, (low, high) => Math.Max(high, -low))];

    /// <summary>How many elements each channel has.</summary>
    public long Count { get; private set; }

    /// <summary>Of values of which no run made anything there is nothing.</summary>
    /// <param name="model">The float model.</param>
    /// <param name="values">Values of it.</param>
    /// <param name="axisOf">Along which their channels lie; −1 for the last.</param>
    /// <param name="samples">To run it on.</param>
    public static Dictionary<Value, ChannelStatistics> Gather(Model model, IReadOnlyList<Value> values, Func<Value, int> axisOf, SampleRun samples)
    {
        var parts = new ChannelStatistics?[samples.Count, values.Count];
        using var session = new ScopedModel(model, values);
        samples.ForEach("Measuring channels", (position, sample) => session.Run(sample.Inputs, (index, _, shape, bytes) =>
        {
            var axis = axisOf(values[index]) is var given && given < 0 ? given + shape.Length : given;
            var channels = axis < 0 ? 1 : (int)shape[axis];
            var part = parts[position, index] ??= new(channels);
            if (part.Min.Length == channels)
            {
                part.Add(MemoryMarshal.Cast<byte, float>(bytes), (int)Product(shape[(axis + 1)..]));
            }
        }));
        var sums = new Dictionary<Value, ChannelStatistics>();
        foreach (var (index, value) in values.Index())
        {
            // In the order of the samples, whichever thread was first
            foreach (var part in Enumerable.Range(0, samples.Count).Select(position => parts[position, index]).OfType<ChannelStatistics>())
            {
                if (!sums.TryGetValue(value, out var sum))
                {
                    sums[value] = part;
                }
                else if (sum.Min.Length == part.Min.Length)
                {
                    sum.Add(part);
                }
            }
        }

        return sums;
    }

    private static long Product(ReadOnlySpan<long> lengths)
    {
        var product = 1L;
        foreach (var length in lengths)
        {
            product *= length;
        }

        return product;
    }

    private void Add(ReadOnlySpan<float> elements, int inner)
    {
        if (inner <= 1)
        {
            AddRows(elements);
            return;
        }

        for (var start = 0; start + inner <= elements.Length; start += inner)
        {
            var channel = start / inner % channels;
            var plane = elements.Slice(start, inner);
            Min[channel] = Math.Min(Min[channel], TensorPrimitives.Min(plane));
            Max[channel] = Math.Max(Max[channel], TensorPrimitives.Max(plane));
            Squares[channel] += Energy.Of(plane);
        }

        Count += elements.Length / channels;
    }

    /// <summary>Elements of all channels beside one another.</summary>
    private void AddRows(ReadOnlySpan<float> elements)
    {
        var squares = new float[channels];
        for (var start = 0; start < elements.Length; start += channels)
        {
            var row = elements.Slice(start, channels);
            TensorPrimitives.Min(Min, row, Min);
            TensorPrimitives.Max(Max, row, Max);
            TensorPrimitives.MultiplyAdd(row, row, squares, squares);
            Count++;
        }

        for (var channel = 0; channel < channels; channel++)
        {
            Squares[channel] += squares[channel];
        }
    }

    private void Add(ChannelStatistics other)
    {
        TensorPrimitives.Min(Min, other.Min, Min);
        TensorPrimitives.Max(Max, other.Max, Max);
        TensorPrimitives.Add(Squares, other.Squares, Squares);
        Count += other.Count;
    }
}
