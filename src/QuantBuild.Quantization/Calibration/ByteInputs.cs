using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration;

/// <summary>Finds inputs that hold the bytes of images: whole numbers from 0 to 255, as they are, divided by 255, or normalized as the settings have it.</summary>
internal static class ByteInputs
{
    /// <summary>What single precision makes of a byte differs by no more from what it should be, relative to the byte's and the mean's part of it.</summary>
    private const double Rounding = 1.0 / (1 << 21);

    /// <summary>Fewer different ones are no image: a mask, a state that starts at 0, one class of a few.</summary>
    private const int FewestLevels = 17;

    private static readonly IntegerMeaning Fractions = IntegerMeaning.Of(QuantizationParameters.PerTensor(ElementType.UInt8, 1f / byte.MaxValue, 0));
    private static readonly IntegerMeaning Pixels = IntegerMeaning.Of(QuantizationParameters.PerTensor(ElementType.UInt8, 1, 0));

    /// <summary>By name, with what the bytes stand for; nothing where there is no sample.</summary>
    public static ImmutableDictionary<string, IntegerMeaning> Find(Model model, SampleRun samples, ImagePreprocessing preprocessing)
    {
        string[] names = [.. model.Graph.Inputs.Where(input => !input.HasConstant && input.DeclaredType == ElementType.Float).Select(input => input.Name)];
        ImmutableArray<IntegerMeaning> candidates = [Fractions, Pixels, .. Normalized(preprocessing)];
        var fits = new bool[samples.Count, names.Length, candidates.Length];
        var levels = names.Select(_ => candidates.Select(_ => new bool[byte.MaxValue + 1]).ToArray()).ToArray();
        samples.ForEach("Looking at inputs", (position, sample) =>
        {
            foreach (var (index, name) in names.Index())
            {
                foreach (var (number, candidate) in candidates.Index())
                {
                    fits[position, index, number] = sample.Inputs.Tensors.TryGetValue(name, out var tensor) && tensor.Type == ElementType.Float
                        && candidate.ChannelsOf(tensor.Dimensions) is { } channelOf && Holds(tensor.AsSpan<float>(), candidate, channelOf, levels[index][number]);
                }
            }
        });
        return samples.Count == 0 ? ImmutableDictionary<string, IntegerMeaning>.Empty : names.Index()
            .Select(entry => (Name: entry.Item, Meaning: candidates.Where((_, number) =>
                levels[entry.Index][number].Count(isSeen => isSeen) >= FewestLevels && Enumerable.Range(0, samples.Count).All(position => fits[position, entry.Index, number])).FirstOrDefault()))
            .Where(entry => entry.Meaning is not null).ToImmutableDictionary(entry => entry.Name, entry => entry.Meaning!);
    }

    /// <summary>(pixel · scale − mean) / std = scale / std · (pixel − mean / scale), with the channels before the plane or behind it.</summary>
    private static IEnumerable<IntegerMeaning> Normalized(ImagePreprocessing preprocessing)
    {
        var (scale, channels) = (preprocessing.Scale ?? 1.0 / byte.MaxValue, Math.Max(preprocessing.Mean.Length, preprocessing.Std.Length));
        float[] scales = [.. Enumerable.Range(0, channels).Select(channel => (float)(scale / Of(preprocessing.Std, channel)))];
        double[] zeroPoints = [.. Enumerable.Range(0, channels).Select(channel => Of(preprocessing.Mean, channel) / scale)];
        if (!scales.All(step => step > 0))
        {
            yield break;
        }

        // Of channels that are all alike no one needs to know the axis.
        if (scales.Distinct().Count() == 1 && zeroPoints.Distinct().Count() == 1)
        {
            yield return new(ElementType.UInt8, [scales[0]], [Whole(zeroPoints[0])], 0);
            yield break;
        }

        yield return new(ElementType.UInt8, [.. scales], [.. zeroPoints.Select(Whole)], 1);
        yield return new(ElementType.UInt8, [.. scales], [.. zeroPoints.Select(Whole)], 3);
    }

    private static double Of(ImmutableArray<float> values, int channel) => values[values.Length == 1 ? 0 : channel];

    /// <summary>A mean of single precision over a quotient may miss the integer that is meant.</summary>
    private static double Whole(double zeroPoint) => Math.Abs(zeroPoint - Math.Round(zeroPoint)) < 1e-4 ? Math.Round(zeroPoint) : zeroPoint;

    private static bool Holds(ReadOnlySpan<float> elements, IntegerMeaning meaning, Func<int, int> channelOf, bool[] levels)
    {
        for (var index = 0; index < elements.Length; index++)
        {
            var channel = channelOf(index);
            var (scale, zero) = ((double)meaning.Scales[channel], meaning.ZeroPoints[channel]);
            var multiple = Math.Round((elements[index] / scale) + zero);
            if (!(multiple is >= 0 and <= byte.MaxValue && Math.Abs(elements[index] - ((multiple - zero) * scale)) <= (multiple + Math.Abs(zero)) * scale * Rounding))
            {
                return false;
            }

            // Threads write the same value, if any.
            levels[(int)multiple] = true;
        }

        return true;
    }
}
