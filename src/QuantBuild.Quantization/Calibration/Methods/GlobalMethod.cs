using System.Collections.Immutable;
using QuantBuild.Quantization.Calibration.Search;

namespace QuantBuild.Quantization.Calibration.Methods;

/// <summary>
/// Starts from what Auto chooses and changes one group of tensors after the other to another method's range, where that makes the error at the
/// model's outputs smaller: errors that cancel, or that a later operator does not mind, are seen here alone.
/// </summary>
internal static class GlobalMethod
{
    private const int Passes = 5;
    private const int MostSamples = 16;

    /// <summary>Less is not worth another range.</summary>
    private const double WorthwhileGain = 1e-3;

    public static ImmutableDictionary<string, Observation> Choose(RangeContext context)
    {
        var candidates = new CandidateRanges(context);
        if (candidates.Groups.IsEmpty)
        {
            return candidates.Observed([]);
        }

        var errors = AutoMethod.Errors(context, candidates);
        var first = AutoMethod.Best(context, candidates, errors);
        var samples = context.Measured.Run.Take(MostSamples);

        // The float model runs once on each sample, and the choice of Auto
        var trials = Math.Max(0, (Passes * context.Measured.PassLength / Math.Max(samples.Count, 1)) - 2);
        using var model = new SimulatedModel(context, candidates.ParametersOf(first), samples);
        return candidates.Observed(Search(candidates, errors, first, choices => model.Error(candidates.ParametersOf(choices)), trials));
    }

    /// <summary>Groups come in the order of the harm that they do, until all have been tried without a change or no trial is left.</summary>
    private static int[] Search(CandidateRanges candidates, double[][] errors, int[] choices, Func<int[], double> measure, int trials)
    {
        var lowest = measure(choices);
        var queue = new Queue<int>(Enumerable.Range(0, choices.Length).OrderByDescending(group => errors[group].Min()).ThenBy(group => group));
        for (var unchanged = 0; unchanged < choices.Length && queue.TryDequeue(out var group); unchanged++)
        {
            queue.Enqueue(group);
            foreach (var method in candidates.DistinctMethods(group).Where(method => method != choices[group]))
            {
                if (trials-- <= 0)
                {
                    return choices;
                }

                int[] tried = [.. choices];
                tried[group] = method;
                var error = measure(tried);
                if (error < lowest * (1 - WorthwhileGain))
                {
                    (choices, lowest, unchanged) = (tried, error, -1);
                }
            }
        }

        return choices;
    }
}
