using System.Diagnostics;
using QuantBuild.Data;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>
/// Latency of one sample. Three models take turns in short blocks, in another order each time, so that a busy machine slows all of them; rounds
/// go on until the ratios are known well enough or the time is used up.
/// </summary>
internal static class LatencyMeter
{
    private const double BlockMilliseconds = 10;
    private const double BudgetMilliseconds = 1000;

    /// <summary>On many threads, where nothing is decided: the interval says what could be seen in the time.</summary>
    private const double ThreadsBudgetMilliseconds = 400;
    private const int MostRounds = 60;

    /// <summary>Runs in a block, so that its median is one; a model of which a single run fills the block has one.</summary>
    private const int FewestRuns = 3;

    /// <param name="models">Loaded as an application loads them.</param>
    /// <param name="sample">What they are run on.</param>
    /// <param name="limits">As <see cref="LatencyStatistics.IsSettled"/> takes them.</param>
    public static ThreadLatencyReport Measure(TimedModels models, Sample sample, params ReadOnlySpan<double> limits)
    {
        InferenceModel[] sessions = [models.Given, models.Prepared, models.Quantized];
        var names = models.Given.OutputNames.ToArray();
        foreach (var session in sessions)
        {
            _ = Block(session, sample, names);
        }

        var (start, budget) = (Stopwatch.GetTimestamp(), models.Threads > 1 ? ThreadsBudgetMilliseconds : BudgetMilliseconds);
        var rounds = new List<BlockTimes>();
        while (rounds.Count < LatencyStatistics.FewestRounds
            || (rounds.Count < MostRounds && !LatencyStatistics.IsSettled(rounds, limits) && Stopwatch.GetElapsedTime(start).TotalMilliseconds < budget))
        {
            var times = new double[sessions.Length];
            for (var turn = 0; turn < sessions.Length; turn++)
            {
                var index = (rounds.Count + turn) % sessions.Length;
                times[index] = Block(sessions[index], sample, names);
            }

            rounds.Add(new(times[0], times[1], times[2]));
        }

        return LatencyStatistics.Of(models.Threads, rounds);
    }

    /// <summary>The median time of the runs in one block, in milliseconds.</summary>
    private static double Block(InferenceModel model, Sample sample, string[] names)
    {
        // An application has the integers at hand.
        var (times, inputs) = (new List<double>(), model.Adapt(sample.Inputs));
        for (var total = 0.0; total < BlockMilliseconds || (times.Count < FewestRuns && times[0] < BlockMilliseconds);)
        {
            var start = Stopwatch.GetTimestamp();
            model.Run(inputs, names, static (_, _, _, _) => { });
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            total += times[^1];
        }

        return LatencyStatistics.Median([.. times.Order()]);
    }
}
