using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Calibration.Records;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Corrections;

namespace QuantBuild.Quantization.Calibration;

/// <summary>Takes all that it can from a .qcal file.</summary>
internal sealed class RecordedCalibration : CalibrationSource
{
    private readonly string _path;
    private readonly CalibrationRecord _record;
    private readonly bool _holdsOut;
    private readonly SampledCalibration? _data;

    private RecordedCalibration(string path, CalibrationRecord record, bool holdsOut, SampledCalibration? data) =>
        (_path, _record, _holdsOut, _data) = (path, record, holdsOut, data);

    public override Sample First => _record.Samples.Samples[0].Sample;

    public override ImmutableArray<SampleHandle> Measured => [.. (_holdsOut ? _record.KeptSamples : _record.Samples).Handles];

    /// <summary>All of them where the data are there; the calibration has a bounded number.</summary>
    public override ImmutableArray<SampleHandle> HeldOut => _data?.HeldOut ?? (_holdsOut ? [.. _record.HeldOutSamples.Handles] : []);

    public override int Count => _holdsOut ? _record.KeptCount : _record.Hashes.Length;

    public override ImmutableArray<SampleHandle> Used => _data?.Used ?? Measured;

    /// <param name="path">As the user named it.</param>
    /// <param name="baseDirectory">Where a relative path starts.</param>
    /// <param name="holdsOut">Whether a part is left out for judging.</param>
    /// <param name="data">The calibration data where they are there too: they must be those that the calibration was made from.</param>
    public static RecordedCalibration Open(string path, string baseDirectory, bool holdsOut, SampledCalibration? data)
    {
        var record = CalibrationFile.Read(path, baseDirectory);
        ShardMerge.RequireWhole(path, record);
        return data is null || data.Inventory.Identity == record.Data
            ? new(path, record, holdsOut, data)
            : throw new QuantBuildException(
                DiagnosticCodes.CalibrationOfOtherData, $"{path}: the calibration was made from other data than CalibrationData, or with other settings for images. Calibrate again, or leave CalibrationData out.");
    }

    public override ModelProfile Profile(Model prepared) => ModelIdentity.Of(prepared) == _record.Model
        ? _record.Profile
        : throw new QuantBuildException(
            DiagnosticCodes.CalibrationOfAnotherModel, $"{_path}: the calibration is of another model, or was made by another version of QuantBuild. Calibrate this model with 'quantbuild calibrate'.");

    public override ImmutableDictionary<string, TensorStatistics> Statistics(Model prepared, ModelProfile profile, IReadOnlyList<string> watched, StatisticsKinds kinds, ChannelChanges? changes)
    {
        var statistics = _holdsOut ? _record.Kept : _record.Whole;
        return watched.ToImmutableDictionary(name => name, name => statistics.TryGetValue(name, out var found)
            ? changes?.Concerns(name) == true ? Changed(name, found, changes) : found
            : throw Lacks($"'{name}'"));
    }

    private QuantBuildException Lacks(string what) =>
        new(DiagnosticCodes.CalibrationOfAnotherModel, $"{_path}: the calibration lacks {what}, so it was made by another version of QuantBuild. Calibrate again.");

    /// <summary>Of the tensor with its channels changed. The counts of a histogram are of all channels together.</summary>
    private TensorStatistics Changed(string name, TensorStatistics statistics, ChannelChanges changes) => changes.RangeOf(name, statistics.Channels ?? throw Lacks($"the ranges of the channels of '{name}'")) is { } range
        ? new(range, statistics.NotFinite, null, null)
        : throw new QuantBuildException(
            DiagnosticCodes.InvalidCombination, $"{_path}: the samples differ in how many channels '{name}' has, so that the calibration has no range of each. Leave Corrections=Equalization out, or set CalibrationData alone.");

    public override ImmutableArray<(string Own, string Other)> SharedWith(SampleSet evaluation)
    {
        var hashes = _record.Hashes.ToHashSet(StringComparer.Ordinal);
        return [.. Enumerable.Range(0, evaluation.Count).Where(index => hashes.Contains(evaluation.ContentHash(index))).Select(index => (_path, evaluation[index].Id))];
    }
}
