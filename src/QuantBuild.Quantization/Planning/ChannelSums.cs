using System.Collections.Immutable;
using System.Numerics.Tensors;

namespace QuantBuild.Quantization.Planning;

/// <summary>The sum of each channel over its elements; of several tensors where a loop makes one in each iteration.</summary>
internal readonly record struct ChannelSums(ImmutableArray<double> Sums, long CountOfChannel)
{
    /// <summary>The mean of each channel; default where there was no tensor.</summary>
    public ImmutableArray<double> Means
    {
        get
        {
            var count = Math.Max(CountOfChannel, 1);
            return Sums.IsDefault ? default : [.. Sums.Select(sum => sum / count)];
        }
    }

    public static ChannelSums Of(ReadOnlySpan<float> elements, ReadOnlySpan<long> shape)
    {
        // Axis 1 of an image, the last axis of a matrix or of a sequence of vectors.
        var axis = shape.Length >= 4 || shape.Length == 2 ? 1 : Math.Max(shape.Length - 1, 0);
        var channels = shape.Length == 0 ? 1 : (int)shape[axis];
        var inner = 1;
        foreach (var length in shape.Length == 0 ? [] : shape[(axis + 1)..])
        {
            inner *= (int)length;
        }

        var sums = new double[channels];
        for (var start = 0; start < elements.Length; start += inner)
        {
            sums[start / inner % channels] += TensorPrimitives.Sum(elements.Slice(start, inner));
        }

        return new([.. sums], elements.Length / Math.Max(channels, 1));
    }

    /// <summary>Where the number of channels changes from one iteration to the next there are none to speak of.</summary>
    public static ChannelSums operator +(ChannelSums first, ChannelSums second) => first.Sums.IsDefault
        ? second
        : new(first.Sums.Length == second.Sums.Length ? [.. first.Sums.Zip(second.Sums, (one, other) => one + other)] : [], first.CountOfChannel + second.CountOfChannel);
}
