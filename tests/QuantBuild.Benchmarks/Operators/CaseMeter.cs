using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Benchmarks.Operators;

/// <summary>
/// The time of the operators that a case's larger model has more than the smaller one, in one form, and what ONNX Runtime made of them.
/// Smaller differences than <paramref name="Noise"/> say nothing.
/// </summary>
internal sealed record Measurement(CostCase Case, KernelForm Form, double Nanoseconds, double Noise, ImmutableSortedDictionary<string, int> Kernels);

/// <summary>
/// Measures all forms of a case side by side: short blocks in turns, and of each model's medians the smallest, which the load of other
/// processes reaches least.
/// </summary>
internal sealed class CaseMeter(int rounds)
{
    /// <summary>Less than a processor's turn on a busy machine; a model of which one run takes longer has one in a block.</summary>
    private const double BlockMilliseconds = 2;

    /// <summary>Loaded anew, a model's tensors lie elsewhere in memory, which may make half of the time.</summary>
    private const int Sessions = 3;

    /// <summary>Of the time of the larger model.</summary>
    private const double NoiseShare = 0.02;

    public IEnumerable<Measurement> Measure(CostCase given)
    {
        var best = given.Forms.Select(_ => (Few: double.PositiveInfinity, Many: double.PositiveInfinity)).ToArray();
        ImmutableSortedDictionary<string, int>[] kernels = [];
        for (var session = 0; session < Sessions; session++)
        {
            var models = given.Forms.Select(form => (Few: Load(given, form, CostCase.Few), Many: Load(given, form, CostCase.Many))).ToArray();
            for (var round = 0; round < rounds; round++)
            {
                best = [.. best.Zip(models, (time, pair) => (Math.Min(time.Few, pair.Few.Block(BlockMilliseconds)), Math.Min(time.Many, pair.Many.Block(BlockMilliseconds))))];
            }

            kernels = [.. models.Select(pair => Difference(pair.Few.Kernels, pair.Many.Kernels))];
            Array.ForEach(models, pair =>
            {
                pair.Few.Dispose();
                pair.Many.Dispose();
            });
        }

        return given.Forms.Select((form, index) =>
            new Measurement(given, form, best[index].Many - best[index].Few, NoiseShare * best[index].Many, kernels[index])).ToArray();
    }

    private static TimedModel Load(CostCase given, KernelForm form, int count)
    {
        var graph = new CaseGraph(form);
        given.Build(graph, count);
        return new(OnnxFile.ToBytes(graph.Model));
    }

    private static ImmutableSortedDictionary<string, int> Difference(IReadOnlyDictionary<string, int> few, IReadOnlyDictionary<string, int> many) =>
        few.Keys.Union(many.Keys)
            .Select(type => KeyValuePair.Create(type, many.GetValueOrDefault(type) - few.GetValueOrDefault(type)))
            .Where(entry => entry.Value != 0)
            .ToImmutableSortedDictionary(StringComparer.Ordinal);
}
