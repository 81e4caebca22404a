using System.Collections.Immutable;
using System.Numerics.Tensors;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Layers;

/// <summary>
/// A Conv, Gemm or MatMul with constant weights as what it computes: rows of its input times a matrix, or for each group of channels one. A row has the
/// <see cref="Depth"/> elements that a group sums over.
/// </summary>
internal abstract record LayerGeometry(int Groups, int Channels, int Depth)
{
    public int ChannelsOfGroup => Channels / Groups;

    /// <summary>Null for other operators, and for weights that are none of these.</summary>
    public static LayerGeometry? Of(Node node) => node.Input(1) is not { IsConstant: true, Constant: { Type: ElementType.Float } weights } ? null : node switch
    {
        _ when node.Is("Conv") && weights.Rank > 2 => new ConvolutionGeometry(node, weights.Dimensions),
        _ when node.Is("MatMul") && weights.Rank == 2 => new MatrixGeometry((int)weights.Dimensions[1], (int)weights.Dimensions[0], false),
        _ when node.Is("Gemm") && weights.Rank == 2 && node.Int("transA", 0) == 0 => node.Int("transB", 0) == 1
            ? new MatrixGeometry((int)weights.Dimensions[0], (int)weights.Dimensions[1], true)
            : new MatrixGeometry((int)weights.Dimensions[1], (int)weights.Dimensions[0], false),
        _ => null,
    };

    /// <summary>Where in the tensor of the weights the element lies that an output channel multiplies element <paramref name="index"/> of a row with.</summary>
    public abstract int ElementOf(int channel, int index);

    /// <summary>The weights of each output channel, one channel after the other.</summary>
    public float[] Rows(TensorData weights)
    {
        var elements = weights.AsSpan<float>();
        var rows = new float[Channels * Depth];
        for (var channel = 0; channel < Channels; channel++)
        {
            for (var index = 0; index < Depth; index++)
            {
                rows[(channel * Depth) + index] = elements[ElementOf(channel, index)];
            }
        }

        return rows;
    }

    /// <summary>The inverse of <see cref="Rows"/>.</summary>
    public TensorData Weights(TensorData like, ReadOnlySpan<float> rows)
    {
        var tensor = like.Derive<float>(like.Dimensions, out var elements);
        for (var i = 0; i < rows.Length; i++)
        {
            elements[ElementOf(i / Depth, i % Depth)] = rows[i];
        }

        return tensor;
    }

    /// <summary>
    /// Some rows of an input, evenly spread, as columns: for each group, for each of its elements, the element of all rows.
    /// </summary>
    public abstract SampledRows Sample(ReadOnlySpan<float> input, ReadOnlySpan<long> shape, RowSampling sampling);
}

/// <summary>Which rows of a sample are taken.</summary>
/// <param name="Most">At most so many.</param>
/// <param name="Phase">From 0 to 1: where between two that are taken the first lies. Samples that give few rows have to give others of their rows each.</param>
internal readonly record struct RowSampling(int Most, double Phase)
{
    private const double GoldenRatio = 0.6180339887498949;

    /// <summary>For the samples of a set, by their positions.</summary>
    public static RowSampling Of(int most, int sample) => new(most, (0.5 + (sample * GoldenRatio)) % 1);

    /// <summary>Row number <paramref name="index"/> of <paramref name="count"/> among all.</summary>
    public int Position(int index, int count, int all) => (int)((index + Phase) * all / count);
}

/// <summary>Elements [group][element of a row][row].</summary>
internal sealed record SampledRows(int Count, float[] Columns)
{
    public static SampledRows None { get; } = new(0, []);

    /// <summary>One output for each row, of the only group.</summary>
    public float[] Times(ReadOnlySpan<float> weights)
    {
        var outputs = new float[Count];
        for (var index = 0; index < weights.Length; index++)
        {
            TensorPrimitives.MultiplyAdd(Columns.AsSpan(index * Count, Count), weights[index], outputs, outputs);
        }

        return outputs;
    }

    /// <summary>The same for the weights of many channels.</summary>
    /// <param name="weights">Channel by channel.</param>
    /// <param name="depth">Of each.</param>
    /// <param name="use">Gets the outputs of one channel after the other, which are gone when it returns.</param>
    public void Times(ReadOnlySpan<float> weights, int depth, Action<ReadOnlySpan<float>> use)
    {
        int[] starts = [.. Enumerable.Range(0, depth).Select(index => index * Count)];
        var (factors, outputs) = (new float[depth * ScaledSums.Width], new float[Count * ScaledSums.Width]);
        for (var first = 0; first < weights.Length / depth; first += ScaledSums.Width)
        {
            var channels = Math.Min(ScaledSums.Width, (weights.Length / depth) - first);
            Array.Clear(factors);
            Array.Clear(outputs);
            for (var channel = 0; channel < channels; channel++)
            {
                for (var index = 0; index < depth; index++)
                {
                    factors[(index * ScaledSums.Width) + channel] = weights[((first + channel) * depth) + index];
                }
            }

            ScaledSums.Add(Columns, starts, factors, outputs, Count, Count);
            for (var channel = 0; channel < channels; channel++)
            {
                use(outputs.AsSpan(channel * Count, Count));
            }
        }
    }
}

/// <param name="Channels">Output channels.</param>
/// <param name="Depth">Elements of a row.</param>
/// <param name="IsChannelMajor">True for weights of [channels, depth].</param>
internal sealed record MatrixGeometry(int Channels, int Depth, bool IsChannelMajor) : LayerGeometry(1, Channels, Depth)
{
    public override int ElementOf(int channel, int index) => IsChannelMajor ? (channel * Depth) + index : (index * Channels) + channel;

    public override SampledRows Sample(ReadOnlySpan<float> input, ReadOnlySpan<long> shape, RowSampling sampling)
    {
        var all = input.Length / Math.Max(Depth, 1);
        if (all == 0 || shape.Length == 0 || shape[^1] != Depth)
        {
            return SampledRows.None;
        }

        var count = Math.Min(all, sampling.Most);
        var columns = new float[Depth * count];
        for (var row = 0; row < count; row++)
        {
            var source = input.Slice(sampling.Position(row, count, all) * Depth, Depth);
            for (var i = 0; i < Depth; i++)
            {
                columns[(i * count) + row] = source[i];
            }
        }

        return new(count, columns);
    }
}

internal sealed record ConvolutionGeometry : LayerGeometry
{
    private readonly Node _node;
    private readonly ImmutableArray<int> _kernel;
    private readonly int _inputs;

    public ConvolutionGeometry(Node node, ImmutableArray<long> weights)
        : base((int)node.Int("group", 1), (int)weights[0], (int)weights.Skip(1).Aggregate(1L, (product, length) => product * length))
    {
        (_node, _inputs, _kernel) = (node, (int)weights[1], [.. weights.Skip(2).Select(length => (int)length)]);
    }

    public override int ElementOf(int channel, int index) => (channel * Depth) + index;

    public override SampledRows Sample(ReadOnlySpan<float> input, ReadOnlySpan<long> shape, RowSampling sampling)
    {
        if (shape.Length != _kernel.Length + 2 || shape[1] != _inputs * Groups)
        {
            return SampledRows.None;
        }

        var spatial = shape[2..].ToArray();
        var window = new ConvolutionWindow(_node, [.. spatial.Select(length => (int)length)], _kernel);
        var plane = (int)spatial.Aggregate(1L, (product, length) => product * length);
        var all = window.OutputPositions * (int)shape[0];
        var count = Math.Min(all, sampling.Most);
        var columns = new float[Groups * Depth * count];
        var taps = new int[window.Taps];
        for (var row = 0; row < count; row++)
        {
            var position = sampling.Position(row, count, all);
            var image = input.Slice(position / window.OutputPositions * plane * (int)shape[1], plane * (int)shape[1]);
            window.Read(position % window.OutputPositions, taps);
            Gather(image, plane, taps, columns.AsSpan(row), count);
        }

        return new(count, columns);
    }

    /// <summary>One row, of all groups, into every <paramref name="stride"/>th element; padding stays 0.</summary>
    private void Gather(ReadOnlySpan<float> image, int plane, ReadOnlySpan<int> taps, Span<float> columns, int stride)
    {
        for (var channel = 0; channel < _inputs * Groups; channel++)
        {
            for (var tap = 0; tap < taps.Length; tap++)
            {
                if (taps[tap] != ConvolutionWindow.Padding)
                {
                    columns[((channel * taps.Length) + tap) * stride] = image[(channel * plane) + taps[tap]];
                }
            }
        }
    }
}
