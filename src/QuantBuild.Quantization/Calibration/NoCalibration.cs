using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Corrections;

namespace QuantBuild.Quantization.Calibration;

/// <summary>
/// For forms that need no ranges: nothing is run, types and ranks are those that ONNX Runtime infers. What layers lose is not measured, so that
/// none is given back.
/// </summary>
internal sealed class NoCalibration(SampleSet? evaluation) : CalibrationSource
{
    public override Sample? First { get; } = evaluation?.Read(0);

    public override int Count => 0;

    public override ImmutableArray<SampleHandle> Used => [];

    public override ImmutableArray<SampleHandle> Measured => [];

    public override ImmutableArray<SampleHandle> HeldOut => [];

    public override ModelProfile Profile(Model prepared) => First is { } sample ? ModelProfile.Of(prepared, sample) : ModelProfile.Inferred(prepared);

    public override ImmutableDictionary<string, TensorStatistics> Statistics(Model prepared, ModelProfile profile, IReadOnlyList<string> watched, StatisticsKinds kinds, ChannelChanges? changes) =>
        ImmutableDictionary<string, TensorStatistics>.Empty;

    public override ImmutableArray<(string Own, string Other)> SharedWith(SampleSet evaluation) => [];
}
