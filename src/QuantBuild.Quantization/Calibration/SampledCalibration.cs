using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration.Records;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Corrections;

namespace QuantBuild.Quantization.Calibration;

/// <summary>Runs the samples themselves. What comes out is what a calibration of them would give.</summary>
internal sealed class SampledCalibration : CalibrationSource
{
    private readonly ImmutableArray<int> _used;
    private readonly SampleRunner _run;

    /// <param name="samples">The calibration data.</param>
    /// <param name="holdsOut">Whether a part is left out for judging.</param>
    /// <param name="threads">For hashing.</param>
    /// <param name="run">How to go through samples.</param>
    public SampledCalibration(SampleSet samples, bool holdsOut, int threads, SampleRunner run)
    {
        Inventory = new(samples, threads);
        _used = holdsOut ? [.. Inventory.Kept] : Inventory.ByHash;
        _run = run;
        First = samples.Read(Inventory.ByHash[0]);
        HeldOut = holdsOut ? SampleRun.Handles(samples, Inventory.ByHash.Where(Inventory.HeldOut.Contains)) : [];
    }

    public SampleInventory Inventory { get; }

    public override Sample First { get; }

    public override int Count => _used.Length;

    public override ImmutableArray<SampleHandle> Used => SampleRun.Handles(Inventory.Samples, _used);

    public override ImmutableArray<SampleHandle> HeldOut { get; }

    public override ImmutableArray<SampleHandle> Measured
    {
        get
        {
            var handles = SampleRun.Handles(Inventory.Samples, _used.DistinctBy(index => Inventory.Hashes[index]));
            return [.. SubsetBounds.Search.Take(handles, handle => StoredSample.SizeOf(handle.Read())).Taken];
        }
    }

    public override ModelProfile Profile(Model prepared) => ModelProfile.Of(prepared, Inventory.First(ModelProfile.MostSamples));

    public override ImmutableDictionary<string, TensorStatistics> Statistics(Model prepared, ModelProfile profile, IReadOnlyList<string> watched, StatisticsKinds kinds, ChannelChanges? changes)
    {
        var statistics = Calibrator.Gather(prepared, profile, watched, kinds, _run(Used));
        return changes is null ? statistics : statistics.SetItems(changes.Lowered(profile, watched, _run(Used)));
    }

    public override ImmutableArray<(string Own, string Other)> SharedWith(SampleSet evaluation) =>
        [.. SampleOverlap.Find(Inventory.Samples, evaluation, _run([]).Threads).Select(pair => (pair.First.Id, pair.Second.Id))];
}
