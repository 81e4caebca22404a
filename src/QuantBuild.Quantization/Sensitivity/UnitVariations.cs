using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Sensitivity;

/// <summary>
/// What a varied model computed on a sample: the outputs, in the order of the graph, with one unit varied, null where the model cannot run with that. Their
/// elements are gone when what receives it returns.
/// </summary>
internal sealed record Variation(int Sample, int Unit, TensorData[]? Outputs);

/// <summary>
/// Varies one unit at a time: the model runs in segments that end behind the units, and with the varied output of one put in, only what it comes to runs
/// again, about half of a run for each.
/// </summary>
internal sealed class UnitVariations : IDisposable
{
    /// <summary>
    /// Units that share the model of what comes behind them. Opening one for each takes as long as a few samples do; what segments between them hand to one
    /// another takes longer.
    /// </summary>
    private const int GroupSize = 1;

    /// <summary>Of weights behind all units, and of what lies between two groups for many samples.</summary>
    private const long MostBytes = 1L << 29;

    private readonly SegmentedModel _segments;
    private readonly ImmutableArray<VariedGroup> _groups;
    private readonly bool _holdsAll;

    private UnitVariations(Model chain, IReadOnlySet<Node> ends, ImmutableArray<VariationSource> sources, int? groupSize, Optimization optimization = Optimization.Float)
    {
        Units = [.. sources.SelectMany(source => source.Places).Select(place => place.Unit)];
        var own = chain.Graph.Values.Select(value => value.Name).ToHashSet();
        var positions = Units.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        _segments = new(chain, ends, groupSize, sources.SelectMany(source => source.Reads(own)).ToHashSet(), optimization);
        _groups = [.. _segments.Groups.Select(group => new VariedGroup(group, [.. sources.Select(source => source.Within(place => GroupOf(place) == group))], own, positions))];
        _holdsAll = BytesOf(chain) / 2 * (_groups.Length - 1) <= MostBytes;
        foreach (var (index, group) in _groups.Index())
        {
            group.KeepFor(_groups[(index + 1)..]);
        }

        SegmentGroup GroupOf(Place place) => _segments.Groups.FirstOrDefault(group => group.Makes(place.Name)) ?? _segments.Groups[^1];
    }

    /// <summary>The units that are varied: none in bodies, since what is inside cannot be changed from without.</summary>
    public ImmutableArray<QuantizedUnit> Units { get; }

    /// <summary>The float model, with one unit quantized. Units of the first plan are taken, then what others have besides.</summary>
    /// <param name="model">The float model.</param>
    /// <param name="plans">The units.</param>
    /// <param name="forManySamples">Whether it pays to open the rest of the model behind the units, too.</param>
    public static UnitVariations OneQuantized(Model model, IReadOnlyList<QuantizationPlan> plans, bool forManySamples = false)
    {
        var known = new HashSet<(Node, UnitForm)>();
        ImmutableArray<VariationSource> sources =
        [
            .. plans.Select(plan => new UnitShadows(model, plan)).Select(shadows => new VariationSource(shadows.Model, [.. Outside(shadows)
                .Where(shadow => known.Add((shadow.Unit.Node, shadow.Unit.Form))).Select(shadow => new Place(shadow.Unit, shadow.Unit.Output.Name, shadow.Rounded))])),
        ];
        return new(model, sources.SelectMany(source => source.Places).Select(place => place.Unit.Activation ?? place.Unit.Node).ToHashSet(), sources, forManySamples ? GroupSize : null);
    }

    /// <summary>The model with all units of a plan quantized, as it is deployed, but for one.</summary>
    public static UnitVariations OneFloat(Model model, QuantizationPlan plan)
    {
        var chain = new DeployedChain(model, plan);
        return new(chain.Model, chain.Ends, [chain.Exact], GroupSize, Optimization.Full);
    }

    /// <summary>
    /// One sample after the other, as many side by side as there are threads, and where samples are too few for that, the units of each. Where what comes
    /// behind all units is too much to be held at once, it is one unit after the other, with many samples each.
    /// </summary>
    /// <param name="samples">What the model is run on.</param>
    /// <param name="stage">For the progress.</param>
    /// <param name="useBase">Gets the outputs of each sample, in the order of the graph, with nothing varied; before any variation where there is one group. Calls overlap.</param>
    /// <param name="useVaried">Gets those with one unit varied; calls overlap.</param>
    /// <param name="varies">Which of <see cref="Units"/> are varied; null for all of them.</param>
    public void ForEach(SampleRun samples, string stage, Action<int, TensorData[]> useBase, Action<Variation> useVaried, Func<int, bool>? varies = null)
    {
        var within = samples.Count < samples.Threads ? samples.Threads : 1;
        var run = within == 1 ? samples : samples with { Threads = 1 };
        if (!_holdsAll)
        {
            Sweep(run, stage, Step);
            return;
        }

        run.ForEach(stage, (position, sample) =>
        {
            var varied = new VariedSample(position, sample, _segments);
            foreach (var group in _groups)
            {
                Step(group, varied);
            }
        });

        void Step(VariedGroup group, VariedSample sample)
        {
            group.Run(sample);
            if (group == _groups[^1])
            {
                useBase(sample.Position, sample.Outputs);
            }

            group.Vary(sample, varies, within, useVaried, samples.Cancellation);
        }
    }

    public void Dispose()
    {
        _segments.Dispose();
        foreach (var group in _groups)
        {
            group.Dispose();
        }
    }

    private static IEnumerable<UnitShadow> Outside(UnitShadows shadows) => shadows.All.Where(shadow => shadow.Unit.Node.Graph.Parent is null);

    private void Sweep(SampleRun samples, string stage, Action<VariedGroup, VariedSample> step)
    {
        var (done, total) = (0, samples.Count * _groups.Length);
        foreach (var block in samples.Samples.Index().Chunk(SamplesAtATime(samples)))
        {
            var held = block.Select(entry => new VariedSample(entry.Index, entry.Item.Read(), _segments)).ToArray();
            var run = samples with { Samples = [.. held.Select(entry => new SampleHandle(entry.Sample.Id, entry.Sample.Label, () => entry.Sample))], Progress = null };
            foreach (var group in _groups)
            {
                run.ForEach(stage, (index, _) =>
                {
                    step(group, held[index]);
                    samples.Progress?.Report(new(stage, Interlocked.Increment(ref done), total));
                });
                group.Release();
            }
        }
    }

    /// <summary>Of all weights.</summary>
    private static long BytesOf(Model model) => model.Graph.Initializers.Sum(value => value.Constant?.Bytes.Length ?? 0L);

    /// <summary>By what the first holds between groups.</summary>
    private int SamplesAtATime(SampleRun samples)
    {
        var largest = 1L;
        samples.Take(1).ForEach("Running", sample =>
        {
            var run = new VariedSample(0, sample, _segments);
            foreach (var group in _groups)
            {
                group.Run(run);
                run.Keep(group.Reduce(run.Known));
                largest = Math.Max(largest, run.Known.Values.Sum(tensor => tensor.Type == ElementType.String ? 0L : tensor.Bytes.Length));
            }
        });
        return (int)Math.Clamp(MostBytes / largest, Math.Max(samples.Threads, 1), int.MaxValue);
    }
}
