using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Sensitivity;

/// <summary>Finds which operators suffer from being quantized, by the outputs of the model.</summary>
public static class ModelAnalysis
{
    /// <summary>Fewer tell little of how sure an error is that is estimated from them.</summary>
    private const int FewestSamples = 16;

    /// <exception cref="QuantBuildException">The model, the data or a setting cannot be used.</exception>
    public static AnalysisReport Analyze(QuantizationRequest request, IProgress<QuantizationProgress>? progress, CancellationToken cancellation) =>
        Analyze(PreparedRequest.Open(request, new StageClock(), progress, cancellation), needsMetric: true);

    /// <param name="job">What is analyzed.</param>
    /// <param name="needsMetric">Whether a metric that is set has to be there.</param>
    internal static AnalysisReport Analyze(PreparedRequest job, bool needsMetric = false)
    {
        job = job with { Model = OutputScores.Expose(job.Model) };

        // Ranges and the use of levels out of one pass over the calibration data.
        var wanted = job.Wanted;
        var statistics = job.Statistics(wanted, StatisticsKinds.Histogram);
        var plan = new PrecisionSearch(job, job.Choose(wanted, statistics)).Wanted(wanted);
        var samples = UncertainSamples.Of(job.Model, job.Data.Calibrating, job.Request.Settings.AnalysisSamples);
        if (samples.Count == 0)
        {
            throw new QuantBuildException(DiagnosticCodes.MissingSetting, $"{job.Request.Model}: there is no sample to analyze the model with; set CalibrationData.");
        }

        try
        {
            return Analyze(job, plan, samples, needsMetric) with { Tensors = Tensors(plan, statistics) };
        }
        catch (QuantBuildException exception) when (exception.Code == DiagnosticCodes.ModelNotLoadable)
        {
            // Calibration has run these samples already, so it is the division into segments that is at fault.
            throw new QuantBuildException(
                DiagnosticCodes.ModelNotLoadable, $"{job.Request.Model}: the model cannot be analyzed, since its operators cannot be run in segments, as where one hands a sequence to another. It can be quantized all the same. {exception.Message}", exception);
        }
    }

    private static AnalysisReport Analyze(PreparedRequest job, QuantizationPlan plan, SampleRun samples, bool needsMetric)
    {
        var reference = new TensorData[samples.Count][];
        using (var variations = UnitVariations.OneQuantized(job.Model, []))
        {
            variations.ForEach(samples, "Running float", (sample, outputs) => reference[sample] = outputs, _ => { });
        }

        var judge = new OutputJudge(samples, reference, job.Request.Settings, needsMetric);
        var (others, all) = Measure(() => UnitVariations.OneFloat(job.Model, plan), judge, samples, "Quantizing all but one", null);
        var (alone, _) = Measure(() => UnitVariations.OneQuantized(job.Model, [plan], forManySamples: true), judge, samples, "Quantizing one", all);
        return new(
            samples.Count, judge.MetricName, judge.Reference, ErrorEstimate.Of(all),
            [
                .. alone.OrderBy(entry => entry.Value.SqnrDb).ThenBy(entry => entry.Key.Output.Name, StringComparer.Ordinal).Select(entry => new OperatorAnalysis(
                    Bodies.NameOf(entry.Key.Node), entry.Key.Node.OpType, ReportBuilder.DecisionOf(entry.Key, plan.Form), entry.Value, others[entry.Key], SpreadOf(entry.Key))),
            ],
            []);
    }

    /// <summary>Each unit on as many samples as it takes.</summary>
    /// <param name="open">What varies the units.</param>
    /// <param name="judge">For the samples.</param>
    /// <param name="samples">All that there are.</param>
    /// <param name="stage">For the progress.</param>
    /// <param name="all">The samples with all units quantized; null where that is what is varied.</param>
    /// <returns>Besides, the samples with nothing varied.</returns>
    private static (Dictionary<QuantizedUnit, OutputErrors> Units, SampleErrors[] Bases) Measure(
        Func<UnitVariations> open, OutputJudge judge, SampleRun samples, string stage, SampleErrors[]? all)
    {
        using var variations = open();
        var (bases, outcomes) = (new SampleErrors[samples.Count], variations.Units.Select(_ => new SampleErrors?[samples.Count]).ToArray());
        var isKnown = new bool[outcomes.Length];
        foreach (var round in Rounds(samples.Count))
        {
            variations.ForEach(
                samples with { Samples = [.. round.Select(index => samples.Samples[index])] },
                stage,
                (position, outputs) => bases[round[position]] = judge.Compare(round[position], outputs),
                variation => outcomes[variation.Unit][round[variation.Sample]] = judge.Compare(round[variation.Sample], variation.Outputs),
                unit => !isKnown[unit]);
            isKnown = [.. outcomes.Select(outcome => EstimateOf(outcome).IsKnown)];
        }

        return (variations.Units.Zip(outcomes).ToDictionary(entry => entry.First, entry => EstimateOf(entry.Second).On(bases, all ?? bases)), bases);

        ErrorEstimate EstimateOf(SampleErrors?[] outcome) =>
            new([.. outcome.Index().Where(sample => sample.Item is not null).Select(sample => new SampleOutcome(sample.Item!, bases[sample.Index], (all ?? bases)[sample.Index]))]);
    }

    /// <summary>Every so many, what lies in the middle between them, and so on: each is spread over all, since classes lie together in folders.</summary>
    private static IEnumerable<ImmutableArray<int>> Rounds(int count)
    {
        var stride = 1;
        while (count / (2 * stride) >= FewestSamples)
        {
            stride *= 2;
        }

        yield return [.. Enumerable.Range(0, count).Where(index => index % stride == 0)];
        for (; stride > 1; stride /= 2)
        {
            yield return [.. Enumerable.Range(0, count).Where(index => index % stride == stride / 2)];
        }
    }

    /// <summary>Where one channel is much larger than the median, one scale for all of them would leave the others few levels.</summary>
    private static double? SpreadOf(QuantizedUnit unit)
    {
        if (unit.Rule.ChannelAxis is not { } axis || unit.Rule.Role == OperatorRole.Recurrent || unit.Node.Input(unit.Rule.WeightInput) is not { Constant: { Type: ElementType.Float } weights })
        {
            return null;
        }

        var granularity = new Granularity.PerChannel(axis(unit.Node));
        var (largest, group) = (new float[granularity.GroupCount(weights.Dimensions)], granularity.GroupOf(weights.Dimensions));
        foreach (var (index, element) in weights.ToFloats().Index())
        {
            largest[group(index)] = Math.Max(largest[group(index)], Math.Abs(element));
        }

        Array.Sort(largest);
        return largest.Length == 0 || largest[largest.Length / 2] == 0 ? null : largest[^1] / largest[largest.Length / 2];
    }

    private static ImmutableArray<TensorAnalysis> Tensors(QuantizationPlan plan, ImmutableDictionary<string, TensorStatistics> statistics) =>
    [
        .. plan.Activations.OrderBy(entry => entry.Key, StringComparer.Ordinal).Where(entry => statistics[entry.Key].Histogram is not null)
            .Select(entry => LevelUse.Of(entry.Key, statistics[entry.Key].Histogram!, entry.Value)),
    ];
}
