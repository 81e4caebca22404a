using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Corrections;

namespace QuantBuild.Quantization.Calibration;

/// <summary>Where a quantization learns about the model's activations: from samples, or from a calibration that was made before.</summary>
internal abstract class CalibrationSource
{
    /// <summary>The sample with the smallest content hash; null where there is none.</summary>
    public abstract Sample? First { get; }

    /// <summary>How many samples calibration saw.</summary>
    public abstract int Count { get; }

    /// <summary>Samples that calibration saw, as far as they are there.</summary>
    public abstract ImmutableArray<SampleHandle> Used { get; }

    /// <summary>Samples to measure on: those with the smallest content hashes.</summary>
    public abstract ImmutableArray<SampleHandle> Measured { get; }

    /// <summary>Samples that calibration did not see; empty where there are too few to hold any out.</summary>
    public abstract ImmutableArray<SampleHandle> HeldOut { get; }

    /// <exception cref="Onnx.Diagnostics.QuantBuildException">The model does not run on the first sample, or the calibration is another model's.</exception>
    public abstract ModelProfile Profile(Model prepared);

    /// <param name="prepared">The float model.</param>
    /// <param name="profile">Of its values.</param>
    /// <param name="watched">Names of its values.</param>
    /// <param name="kinds">What is asked for besides ranges.</param>
    /// <param name="changes">What has become of the channels of the model, against the one that was calibrated; null for nothing. Of changed values ranges alone are known for certain.</param>
    public abstract ImmutableDictionary<string, TensorStatistics> Statistics(Model prepared, ModelProfile profile, IReadOnlyList<string> watched, StatisticsKinds kinds, ChannelChanges? changes);

    /// <summary>Pairs of names, here and there, of samples with the same content.</summary>
    public abstract ImmutableArray<(string Own, string Other)> SharedWith(SampleSet evaluation);
}
