using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Pruning;

namespace QuantBuild.Quantization.Corrections;

/// <summary>
/// Divides channels where they are made and multiplies the weights that read them, so that quiet channels get more of the steps that a tensor has for all
/// of them (cross-layer equalization, Nagel et al. 2019; the strength as in SmoothQuant, Xiao et al. 2022). For each cluster of channels the strength is the
/// one with the least error on half of the samples, and it is kept where the error falls on the other half.
/// </summary>
internal sealed class CrossLayerEqualization
{
    /// <summary>More noise than this share of what there was, and the weights had better stay as they are.</summary>
    private const double WorthIt = 0.95;

    private static readonly ImmutableArray<double> Strengths = [0.2, 0.4, 0.6, 0.8, 1];

    private readonly PreparedRequest _job;
    private readonly ChannelGroups _groups;
    private readonly SampleRun _choosing;
    private readonly SampleRun _proving;

    private CrossLayerEqualization(PreparedRequest job)
    {
        _job = job;
        _groups = ChannelGroups.Of(job.Model, job.Context.Profile);
        (_choosing, _proving) = job.Data.Correcting.Halves();
    }

    /// <summary>The factors that are worth it; they may be none.</summary>
    public static ChannelFactors Find(PreparedRequest job)
    {
        var equalization = new CrossLayerEqualization(job);
        return new(equalization._groups, equalization._proving.Count == 0 ? new() : equalization.Find());
    }

    private Dictionary<int, int> Find()
    {
        var clusters = Clusters();
        var chosen = clusters.IsEmpty ? [] : Choose(clusters);
        if (Merge(chosen) is not { Count: > 0 } all)
        {
            return [];
        }

        var (before, after) = (Errors([], _proving), Errors(all, _proving));
        return Merge(clusters.Zip(chosen).Where(pair => NoiseOf(pair.First, after, before) < NoiseOf(pair.First, before, before)).Select(pair => pair.Second));
    }

    /// <summary>Of each cluster those with the least error; none where that is not worth it.</summary>
    private Dictionary<int, int>[] Choose(ImmutableArray<ChannelCluster> clusters)
    {
        var plain = Errors([], _choosing);
        var best = clusters.Select(cluster => (Exponents: new Dictionary<int, int>(), Noise: WorthIt * NoiseOf(cluster, plain, plain))).ToArray();
        foreach (var strength in Strengths)
        {
            var exponents = clusters.Select(cluster => cluster.Exponents(strength)).ToArray();
            var errors = Errors(Merge(exponents), _choosing);
            for (var i = 0; i < best.Length; i++)
            {
                var noise = NoiseOf(clusters[i], errors, plain);
                best[i] = noise < best[i].Noise ? (exponents[i], noise) : best[i];
            }
        }

        return [.. best.Select(entry => entry.Exponents)];
    }

    private static Dictionary<int, int> Merge(IEnumerable<Dictionary<int, int>> exponents) => exponents.SelectMany(entries => entries).ToDictionary();

    private ImmutableArray<ChannelCluster> Clusters()
    {
        var scalable = new ScalableChannels(_groups).Find();
        ImmutableArray<QuantizedUnit> units = [.. _job.Wanted.Units.Where(unit => unit.Form == UnitForm.Static)];
        Value[] read = [.. units.SelectMany(unit => unit.Inputs).Distinct().Where(value => _groups.Axes.GetValueOrDefault(value)?.Labels.Any(label => scalable.Contains(_groups.ChannelOf(label))) == true)];
        return ChannelCluster.Of(_groups, scalable, units, ChannelStatistics.Gather(_job.Model, read, value => _groups.Axes[value].Axis, _choosing));
    }

    /// <summary>As if outputs had not been scaled. For a proof ranges are those of all that calibrate: channels that are alike all reach the ends.</summary>
    private Dictionary<string, UnitError> Errors(Dictionary<int, int> exponents, SampleRun samples)
    {
        var factors = new ChannelFactors(_groups, exponents);
        return StaticUnitErrors.Measure(_job.WithEqualized(factors), samples, samples == _proving ? null : samples, factors.Restoring(_job.Context.Profile));
    }

    private static double NoiseOf(ChannelCluster cluster, Dictionary<string, UnitError> errors, Dictionary<string, UnitError> plain) =>
        StaticUnitErrors.NoiseOf(cluster.Readers.Select(unit => unit.Node.Output.Name), errors, plain);
}
