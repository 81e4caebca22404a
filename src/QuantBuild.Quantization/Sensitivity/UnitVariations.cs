using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Sensitivity;

/// <summary>
/// What a varied model computed on a sample: the outputs, in the order of the graph, of the model as it is and with one unit varied, null where the model
/// cannot run with that.
/// </summary>
internal sealed record Variation(int Sample, int Unit, TensorData[] Base, TensorData[]? Varied);

/// <summary>
/// Varies one unit at a time: the model runs in segments that end behind the units, and with the varied output of one put in, only the segments run again
/// that it comes to, about half of a run for each.
/// </summary>
internal sealed class UnitVariations : IDisposable
{
    private readonly SegmentedModel _segments;
    private readonly ImmutableArray<Source> _sources;

    private UnitVariations(Model chain, IReadOnlySet<Node> ends, IEnumerable<(Model Model, ImmutableArray<Place> Places)> sources, bool inGroups)
    {
        _segments = new(chain, ends, inGroups);
        _sources = [.. sources.Select(source => new Source(source.Model, source.Places))];
    }

    /// <summary>The units that are varied: none in bodies, since what is inside cannot be changed from without.</summary>
    public ImmutableArray<QuantizedUnit> Units => [.. _sources.SelectMany(source => source.Units)];

    /// <summary>The float model, with one unit quantized. Units of the first plan are taken, then what others have besides.</summary>
    /// <param name="model">The float model.</param>
    /// <param name="plans">The units.</param>
    /// <param name="inGroups">As <see cref="SegmentedModel"/> takes it.</param>
    public static UnitVariations OneQuantized(Model model, IReadOnlyList<QuantizationPlan> plans, bool inGroups = false)
    {
        var known = new HashSet<(Node, UnitForm)>();
        (Model, ImmutableArray<Place> Places)[] sources =
        [
            .. plans.Select(plan => new UnitShadows(model, plan)).Select(shadows => (shadows.Model, Outside(shadows)
                .Where(shadow => known.Add((shadow.Unit.Node, shadow.Unit.Form))).Select(shadow => new Place(shadow.Unit, shadow.Unit.Output.Name, shadow.Rounded)).ToImmutableArray())),
        ];
        return new(model, sources.SelectMany(source => source.Places).Select(place => place.Unit.Activation ?? place.Unit.Node).ToHashSet(), sources, inGroups);
    }

    /// <summary>The model with all units of a plan quantized, in float arithmetic, but for one.</summary>
    public static UnitVariations OneFloat(Model model, QuantizationPlan plan)
    {
        var (chain, exact) = (UnitShadows.Chain(model, plan), UnitShadows.Chain(model, plan));
        var ends = Outside(chain).Select(shadow => shadow.Rounded.Producer!).ToHashSet();
        Passes.RemoveUnused.Prune(chain.Model.Graph);
        return new(chain.Model, ends, [(exact.Model, [.. Outside(exact).Select(shadow => new Place(shadow.Unit, shadow.Rounded.Name, shadow.Exact))])], inGroups: true);
    }

    /// <summary>One sample after the other, and its units side by side: what lies between the segments is kept of one sample at a time.</summary>
    /// <param name="samples">What the model is run on.</param>
    /// <param name="stage">For the progress.</param>
    /// <param name="useBase">Gets the outputs of each sample, in the order of the graph, with nothing varied.</param>
    /// <param name="useVaried">Gets those with one unit varied; calls overlap.</param>
    public void ForEach(SampleRun samples, string stage, Action<int, TensorData[]> useBase, Action<Variation> useVaried) => (samples with { Threads = 1 }).ForEach(stage, (position, sample) =>
    {
        var known = _segments.Run(sample.Inputs);
        var reference = _segments.OutputsOf(known);
        useBase(position, reference);
        var replacements = _sources.SelectMany(source => source.Run(sample.Inputs)).ToArray();
        Parallel.For(0, replacements.Length, new ParallelOptions { MaxDegreeOfParallelism = samples.Threads, CancellationToken = samples.Cancellation }, index =>
        {
            var (name, tensor) = replacements[index];
            useVaried(new(position, index, reference, tensor is null ? reference : Rerun(name, tensor)));
        });

        TensorData[]? Rerun(string name, TensorData tensor)
        {
            try
            {
                return _segments.Rerun(sample.Inputs, known, name, tensor);
            }
            catch (InferenceException)
            {
                // What decides a shape or an index, rounded, may have decided one that there is not.
                return null;
            }
        }
    });

    public void Dispose()
    {
        _segments.Dispose();
        foreach (var source in _sources)
        {
            source.Dispose();
        }
    }

    private static IEnumerable<UnitShadow> Outside(UnitShadows shadows) => shadows.All.Where(shadow => shadow.Unit.Node.Graph.Parent is null);

    /// <param name="Unit">The unit that is varied.</param>
    /// <param name="Name">What its output is called in the segments.</param>
    /// <param name="Varied">What takes its place.</param>
    private sealed record Place(QuantizedUnit Unit, string Name, Value Varied);

    /// <summary>A model that computes what takes the places of outputs.</summary>
    private sealed class Source(Model model, ImmutableArray<Place> places) : IDisposable
    {
        private readonly ScopedModel _session = new(model, [.. places.Select(place => place.Varied)]);

        public IEnumerable<QuantizedUnit> Units => places.Select(place => place.Unit);

        /// <summary>In the order of the units.</summary>
        public (string Name, TensorData? Tensor)[] Run(SampleInputs inputs)
        {
            var tensors = places.Select(place => (place.Name, Tensor: (TensorData?)null)).ToArray();
            _session.Run(inputs, (index, type, shape, bytes) => tensors[index].Tensor = new(type, [.. shape], bytes.ToArray()));
            return tensors;
        }

        public void Dispose() => _session.Dispose();
    }
}
