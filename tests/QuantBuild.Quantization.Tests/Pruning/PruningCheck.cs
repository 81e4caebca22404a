using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Pruning;

namespace QuantBuild.Quantization.Tests.Pruning;

/// <summary>Removes channels and holds what is left against the model in which nothing reads them.</summary>
internal static class PruningCheck
{
    /// <summary>Relative to the largest element of an output.</summary>
    private const double Tolerance = 1e-5;

    /// <summary>Sums of eight layers in another order, which now and then nearly cancel.</summary>
    private const double DeepTolerance = 1e-4;

    /// <summary>The shapes come from a batch of one; <see cref="Difference"/> runs a batch of two.</summary>
    public static ChannelGroups GroupsOf(Model model) => ChannelGroups.Of(model, ModelProfile.Of(model, new Data.Sample("one", Inputs(model, 1), null)));

    /// <summary>Removes a third of the channels of every group, and checks that something changed and that nothing else did.</summary>
    public static void Verify(Model model)
    {
        var groups = GroupsOf(model);
        var removed = Choose(groups, new Random(3), 0.34);
        var pruned = ChannelRemoval.Apply(model, groups, removed);
        var zeroed = ChannelZeroing.Apply(model, removed);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(groups.All.Where(group => group.Readers.Length > 0).Select(group => group.Reason), Is.All.Null);
            Assert.That(Difference(pruned, zeroed), Is.LessThan(Tolerance));
            Assert.That(Difference(model, zeroed), Is.GreaterThan(1e-3));
            Assert.That(Parameters(pruned), Is.LessThan(0.9 * Parameters(model)));
        }
    }

    /// <summary>Of every group that a layer reads, a random share goes.</summary>
    public static bool IsExact(Model model, int seed)
    {
        var groups = GroupsOf(model);
        if (groups.All.Any(group => group.Readers.Length > 0 && group is { Count: > 1, Reason: not null }))
        {
            return false;
        }

        var random = new Random(seed);
        var removed = Choose(groups, random, random.NextDouble());
        return Difference(ChannelRemoval.Apply(model, groups, removed), ChannelZeroing.Apply(model, removed)) < DeepTolerance;
    }

    public static long Parameters(Model model) =>
        model.Graph.Initializers.Where(value => value.Constant!.Type == ElementType.Float).Sum(value => value.Constant!.ElementCount);

    /// <summary>At least one channel of each group that can be pruned goes, and at least one stays.</summary>
    private static Dictionary<ChannelGroup, IReadOnlySet<int>> Choose(ChannelGroups groups, Random random, double share) => groups.Prunable.ToDictionary(
        group => group,
        group => (IReadOnlySet<int>)Enumerable.Range(0, group.Count).OrderBy(_ => random.Next()).Take(Math.Clamp((int)(share * group.Count), 1, group.Count - 1)).ToHashSet());

    public static double Difference(Model first, Model second)
    {
        var inputs = Inputs(first, 2);
        return Results(first, inputs).Zip(Results(second, inputs)).Max(pair =>
        {
            Assert.That(pair.First.Dimensions, Is.EqualTo(pair.Second.Dimensions));
            var (left, right) = (pair.First.ToFloats(), pair.Second.ToFloats());
            return left.Zip(right).Max(elements => Math.Abs(elements.First - elements.Second)) / Math.Max(1e-3, right.Max(Math.Abs));
        });
    }

    private static ImmutableDictionary<string, TensorData> Inputs(Model model, long batch) => model.Graph.Inputs.ToImmutableDictionary(
        input => input.Name, input => new TinyModels().Random([.. input.DeclaredShape.Select(length => length ?? batch)]));

    private static TensorData[] Results(Model model, ImmutableDictionary<string, TensorData> inputs)
    {
        using var session = InferenceModel.Load(OnnxFile.ToBytes(model), Optimization.None);
        return session.Run(inputs, [.. model.Graph.Outputs.Select(output => output.Name)]);
    }
}
