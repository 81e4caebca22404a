using System.Collections.Immutable;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Corrections;

/// <summary>
/// Takes out of channels what they never fall below, where the bias of the layer in front puts it and a Relu never cuts it off (absorption of high biases, Nagel
/// et al. 2019): all channels share the steps of a range that has to hold the highest. Kept where the error of what reads them falls on other samples.
/// </summary>
internal static class BiasAbsorption
{
    /// <summary>More noise than this share of what there was, and the biases had better stay where they are.</summary>
    private const double WorthIt = 0.95;

    /// <summary>A tensor whose range shrinks to no less than this share is left alone.</summary>
    private const float Shrunk = 0.8f;

    /// <summary>As a share of the range that a channel has: samples that are to come may go so far below it before anything is cut off.</summary>
    private const float Reserve = 0.5f;

    /// <returns>By the names of values behind a Relu, what each channel is lowered by; none where it is not worth it.</returns>
    public static ImmutableDictionary<string, ImmutableArray<float>> Find(PreparedRequest job)
    {
        var layouts = ScalableChannels.Layouts(job.Model, job.Context.Profile);
        var sites = AbsorbingSite.Find(job.Model).Where(site => layouts.ContainsKey(site.Relu.Output.Name)).ToArray();
        var (choosing, proving) = job.Data.Correcting.Halves();
        if (sites.Length == 0 || proving.Count == 0)
        {
            return ImmutableDictionary<string, ImmutableArray<float>>.Empty;
        }

        var (chosen, proved) = (Ranges(choosing), Ranges(proving));
        var shifts = sites.Select(site => site.Relu.Output.Name).Where(chosen.ContainsKey)
            .Select(name => KeyValuePair.Create(name, Shifts(chosen[name], proved[name]))).Where(entry => Shrinks(chosen[entry.Key], entry.Value)).ToImmutableDictionary();
        if (shifts.IsEmpty)
        {
            return shifts;
        }

        var (before, after) = (StaticUnitErrors.Measure(job, proving, null), StaticUnitErrors.Measure(job.WithAbsorbed(shifts), proving, null));
        return sites.Where(site => shifts.ContainsKey(site.Relu.Output.Name) && Noise(site, after) < WorthIt * Noise(site, before))
            .Select(site => site.Relu.Output.Name).ToImmutableDictionary(name => name, name => shifts[name]);

        ImmutableDictionary<string, ImmutableArray<TensorRange>> Ranges(SampleRun samples) => Calibrator
            .Gather(job.Model, job.Context.Profile, [.. sites.Select(site => site.Relu.Output.Name)], StatisticsKinds.None, samples, layouts)
            .Where(entry => !entry.Value.Channels!.Ranges.IsEmpty).ToImmutableDictionary(entry => entry.Key, entry => entry.Value.Channels!.Ranges);

        double Noise(AbsorbingSite site, Dictionary<string, UnitError> errors) => StaticUnitErrors.NoiseOf(site.Readers.Select(reader => reader.Output.Name), errors, before);
    }

    /// <summary>Nothing of a channel that falls below it on the samples that prove.</summary>
    private static ImmutableArray<float> Shifts(ImmutableArray<TensorRange> chosen, ImmutableArray<TensorRange> proved) =>
        [.. chosen.Zip(proved, (own, other) => Rounded(own.Min - (Reserve * (own.Max - own.Min))) is var shift && shift > 0 && shift <= other.Min ? shift : 0)];

    private static bool Shrinks(ImmutableArray<TensorRange> channels, ImmutableArray<float> shifts) =>
        channels.Zip(shifts, (channel, shift) => channel.Max - shift).Max() < Shrunk * channels.Max(channel => channel.Max);

    /// <summary>Down to eight bits: another processor's last bits seldom show.</summary>
    private static float Rounded(float value) => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(value) & 0xFFFF_0000);
}
