using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Corrections;

/// <summary>What has become of the channels of a model: lowered first, and then divided.</summary>
/// <param name="Plain">The model as it was, which calibrations are of.</param>
internal sealed record ChannelChanges(Model Plain)
{
    /// <summary>By the names of values behind a Relu, as <see cref="BiasAbsorption"/> found them.</summary>
    public ImmutableDictionary<string, ImmutableArray<float>> Shifts { get; init; } = ImmutableDictionary<string, ImmutableArray<float>>.Empty;

    /// <summary>Null where nothing is divided.</summary>
    public ChannelFactors? Factors { get; init; }

    public bool Concerns(string name) => Shifts.ContainsKey(name) || Factors?.OfValue(name) is not null;

    /// <summary>The range of a changed value from those that its channels had; null where these are not known.</summary>
    public TensorRange? RangeOf(string name, ChannelRanges plain) => plain.Changed(Shifts.GetValueOrDefault(name), Factors?.OfValue(name));

    /// <summary>
    /// Of lowered values a run of the changed model has other last bits than a calibration of the plain one gives, so that these are found in the plain model
    /// wherever there are samples to run.
    /// </summary>
    public ImmutableDictionary<string, TensorStatistics> Lowered(ModelProfile profile, IEnumerable<string> watched, SampleRun samples) => Shifts.IsEmpty
        ? ImmutableDictionary<string, TensorStatistics>.Empty
        : Calibrator.Gather(Plain, profile, [.. watched.Where(Shifts.ContainsKey)], StatisticsKinds.None, samples, ScalableChannels.Layouts(Plain, profile))
        .ToImmutableDictionary(entry => entry.Key, entry => RangeOf(entry.Key, entry.Value.Channels!) is { } range ? entry.Value with { Range = range, Channels = null } : entry.Value);
}
