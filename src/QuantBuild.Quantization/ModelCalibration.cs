using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Calibration.Records;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Corrections;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization;

/// <summary>Makes calibrations that a quantization uses later, or on another machine.</summary>
public static class ModelCalibration
{
    /// <exception cref="QuantBuildException">The model, the data or a setting cannot be used.</exception>
    public static CalibrationResult Calibrate(
        CalibrationRequest request, IProgress<QuantizationProgress>? progress, CancellationToken cancellation)
    {
        var model = OnnxFile.Read(request.Model);
        using var given = DeployedModels.LoadGiven(model, request.Model);
        var inventory = new SampleInventory(
            SampleSet.Open(new(request.Settings.CalibrationData, request.BaseDirectory, given.Inputs, request.Settings.Preprocessing)), request.Threads);
        var prepared = PassPipeline.Default.Run(model);
        var profile = ModelProfile.Of(prepared, inventory.First(ModelProfile.MostSamples));
        var own = inventory.ByHash.Index().Where(entry => request.Shard.Contains(entry.Index)).ToLookup(entry => inventory.HeldOut.Contains(entry.Item), entry => entry.Item);
        var (watched, layouts) = (WatchedValues.Of(prepared, profile), ScalableChannels.Layouts(prepared, profile));
        ImmutableSortedDictionary<string, TensorStatistics> Gather(bool heldOut) => Calibrator.Gather(
            prepared, profile, watched, StatisticsKinds.All, new(SampleRun.Handles(inventory.Samples, own[heldOut]), request.Threads, progress, cancellation), layouts)
            .ToImmutableSortedDictionary(StringComparer.Ordinal);
        var record = new CalibrationRecord
        {
            Model = ModelIdentity.Of(prepared),
            Data = inventory.Identity,
            ShardCount = request.Shard.Count,
            Shards = [request.Shard.Index],
            Profile = profile,
            Hashes = [.. inventory.ByHash.Select(index => inventory.Hashes[index])],
            KeptCount = inventory.Kept.Count(),
            Kept = Gather(false),
            HeldOut = Gather(true),
            Samples = SampleSubset.Of(inventory.Read(inventory.ByHash.Where((_, rank) => request.Shard.Contains(rank))), SubsetBounds.Search),
            KeptSamples = SampleSubset.Of(inventory.Read(own[false]), SubsetBounds.Search),
            HeldOutSamples = SampleSubset.Of(inventory.Read(own[true]), SubsetBounds.Judging),
        };
        return new(CalibrationFile.ToBytes(record), own.Sum(part => part.Count()), inventory.ByHash.Length, watched.Length);
    }

    /// <summary>Puts all shards of one calibration together, in any order.</summary>
    /// <exception cref="QuantBuildException">A file is no calibration, or the shards do not fit together.</exception>
    public static CalibrationResult Merge(IReadOnlyList<string> paths)
    {
        var merged = ShardMerge.Merge([.. paths.Select(path => (path, CalibrationFile.Read(path, "")))]);
        return new(CalibrationFile.ToBytes(merged), merged.Hashes.Length, merged.Hashes.Length, merged.Kept.Count);
    }
}
