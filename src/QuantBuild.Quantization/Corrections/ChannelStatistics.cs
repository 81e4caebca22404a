using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Corrections;

/// <summary>The ends of each channel of a tensor, its last axis, over samples, and the sum of squares.</summary>
internal sealed class ChannelStatistics(int channels)
{
    public float[] Min { get; } = new float[channels];

    public float[] Max { get; } = new float[channels];

    public double[] Squares { get; } = new double[channels];

    /// <summary>How many elements each channel has.</summary>
    public long Count { get; private set; }

    /// <summary>Of values of which no run made anything there is nothing.</summary>
    public static Dictionary<Value, ChannelStatistics> Gather(Model model, IReadOnlyList<Value> values, SampleRun samples)
    {
        var parts = new ChannelStatistics?[samples.Count, values.Count];
        using var session = new ScopedModel(model, values);
        samples.ForEach("Measuring channels", (position, sample) => session.Run(sample.Inputs, (index, _, shape, bytes) =>
        {
            var channels = shape.Length == 0 ? 1 : (int)shape[^1];
            var part = parts[position, index] ??= new(channels);
            if (part.Min.Length == channels)
            {
                part.Add(MemoryMarshal.Cast<byte, float>(bytes));
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

    private void Add(ReadOnlySpan<float> elements)
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
