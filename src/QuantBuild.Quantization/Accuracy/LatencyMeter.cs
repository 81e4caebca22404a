using System.Diagnostics;
using QuantBuild.Data;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>
/// Latency of one sample on one thread. The models take turns in short blocks, so that a busy machine slows all of them; the
/// speedup is the median over the rounds, its interval that of the median by order statistics.
/// </summary>
internal static class LatencyMeter
{
    private const int Rounds = 15;
    private const double BlockMilliseconds = 20;

    /// <summary>Runs in a block, so that its median is one; a model of which a single run fills the block has one.</summary>
    private const int FewestRuns = 3;

    public static LatencyReport Measure(InferenceModel given, InferenceModel prepared, InferenceModel quantized, Sample sample)
    {
        InferenceModel[] models = [given, prepared, quantized];
        var names = given.OutputNames.ToArray();
        foreach (var model in models)
        {
            _ = Block(model, sample, names);
        }

        var blocks = models.Select(_ => new double[Rounds]).ToArray();
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var (index, model) in models.Index())
            {
                blocks[index][round] = Block(model, sample, names);
            }
        }

        var ratios = blocks[0].Zip(blocks[2], (before, after) => before / after).Order().ToArray();
        // For 15 values the median lies between the 4th and the 12th with 96 % confidence.
        return new(blocks[0].Min(), blocks[1].Min(), blocks[2].Min(), ratios[Rounds / 2], [ratios[3], ratios[11]]);
    }

    /// <summary>The median time of the runs in one block, in milliseconds.</summary>
    private static double Block(InferenceModel model, Sample sample, string[] names)
    {
        var times = new List<double>();
        for (var total = 0.0; total < BlockMilliseconds || (times.Count < FewestRuns && times[0] < BlockMilliseconds);)
        {
            var start = Stopwatch.GetTimestamp();
            model.Run(sample.Inputs, names, static (_, _, _, _) => { });
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            total += times[^1];
        }

        times.Sort();
        return times[times.Count / 2];
    }
}
