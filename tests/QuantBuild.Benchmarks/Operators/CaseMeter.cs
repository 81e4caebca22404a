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

    /// <summary>Of the time of the larger model.</summary>
    private const double NoiseShare = 0.02;

    public IEnumerable<Measurement> Measure(CostCase given)
    {
        var models = given.Forms.Select(form => (Form: form, Few: Load(given, form, CostCase.Few), Many: Load(given, form, CostCase.Many))).ToArray();
        try
        {
            var times = models.Select(_ => (Few: double.PositiveInfinity, Many: double.PositiveInfinity)).ToArray();
            for (var round = 0; round < rounds; round++)
            {
                for (var i = 0; i < models.Length; i++)
                {
                    times[i] = (Math.Min(times[i].Few, models[i].Few.Block(BlockMilliseconds)), Math.Min(times[i].Many, models[i].Many.Block(BlockMilliseconds)));
                }
            }

            return [.. models.Zip(times, (model, time) => new Measurement(
                given, model.Form, time.Many - time.Few, NoiseShare * time.Many, Difference(model.Few.Kernels, model.Many.Kernels)))];
        }
        finally
        {
            Array.ForEach(models, model =>
            {
                model.Few.Dispose();
                model.Many.Dispose();
            });
        }
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
