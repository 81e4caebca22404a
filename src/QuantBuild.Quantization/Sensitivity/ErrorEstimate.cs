using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Sensitivity;

/// <summary>A sample with a unit varied, with nothing varied, and with all units quantized.</summary>
internal sealed record SampleOutcome(SampleErrors Varied, SampleErrors Base, SampleErrors All);

/// <summary>
/// What a unit does to the outputs of a model on all samples, estimated from those that it was run on: what one unit does to a sample goes with what all of them
/// together do to it.
/// </summary>
/// <param name="seen">The samples that it was run on.</param>
internal sealed class ErrorEstimate(IReadOnlyList<SampleOutcome> seen)
{
    private readonly RatioEstimate _divergence = new(seen.Where(sample => sample.Varied.Divergence is not null).Select(sample => (sample.Varied.Divergence!.Value, sample.All.Divergence ?? 0)));

    /// <summary>Of the metric. What is counted in whole samples is known where none of them changed, and else hardly ever.</summary>
    private readonly RatioEstimate _change = new(seen.Where(sample => sample.Varied.Metric is not null).Select(sample => (sample.Varied.Metric!.Value - (sample.Base.Metric ?? 0), 0.0)));

    private readonly RatioEstimate[] _noises =
        [.. seen[0].All.Energies.Select((_, output) => new RatioEstimate(seen.Select(sample => (sample.Varied.Energies[output].Noise, sample.All.Energies[output].Noise))))];

    /// <summary>Whether more samples would tell no more than these do.</summary>
    public bool IsKnown => _noises.Index().MaxBy(noise => Energy.Share(noise.Item.Sum, seen.Sum(sample => sample.All.Energies[noise.Index].Signal))).Item.IsKnown && _divergence.IsKnown && _change.IsKnown;

    /// <summary>What was run on all samples.</summary>
    public static OutputErrors Of(IReadOnlyList<SampleErrors> all) => new ErrorEstimate([.. all.Select(sample => new SampleOutcome(sample, sample, sample))]).On(all, all);

    /// <param name="bases">All samples with nothing varied.</param>
    /// <param name="all">All samples with all units quantized.</param>
    public OutputErrors On(IReadOnlyList<SampleErrors> bases, IReadOnlyList<SampleErrors> all)
    {
        var share = _noises.Index().Max(noise => Energy.Share(
            noise.Item.Total(all.Count, all.Sum(sample => sample.Energies[noise.Index].Noise)), all.Sum(sample => sample.Energies[noise.Index].Signal)));
        return new(
            Math.Min(Energy.Decibels(share), UnitError.Perfect),
            share,
            _divergence.IsEmpty ? null : _divergence.Total(all.Count, all.Sum(sample => sample.Divergence ?? 0)) / all.Count,
            bases.Average(sample => sample.Metric) + (_change.IsEmpty ? 0 : _change.Total(all.Count, 0) / all.Count),
            seen.Count);
    }
}
