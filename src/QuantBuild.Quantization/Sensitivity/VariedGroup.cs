using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Sensitivity;

/// <summary>A sample on its way through the groups of a chain.</summary>
internal sealed class VariedSample(int position, Sample sample, SegmentedModel model)
{
    public int Position => position;

    public Sample Sample => sample;

    /// <summary>What has been computed, as far as it is needed.</summary>
    public IReadOnlyDictionary<string, TensorData> Known { get; private set; } = model.Known(sample.Inputs);

    public void Keep(IReadOnlyDictionary<string, TensorData> known) => Known = known;

    public TensorData[] Outputs => model.OutputsOf(Known);

    public void Rerun(IReadOnlyDictionary<string, TensorData> known, string name, TensorData tensor, Action<TensorData[]> use) => model.Rerun(sample.Inputs, known, name, tensor, use);
}

/// <summary>A group of segments, with what takes the places of the outputs of units in it.</summary>
internal sealed class VariedGroup : IDisposable
{
    private readonly SegmentGroup _group;
    private readonly ImmutableArray<(GraphSegment Segment, ImmutableArray<Place> Places)> _varied;
    private readonly Dictionary<QuantizedUnit, int> _positions;
    private HashSet<string> _readLater = [];

    /// <param name="group">The segments.</param>
    /// <param name="sources">What varies their units.</param>
    /// <param name="chain">The names of all values of the chain.</param>
    /// <param name="positions">Of the units among all.</param>
    public VariedGroup(SegmentGroup group, ImmutableArray<VariationSource> sources, IReadOnlySet<string> chain, Dictionary<QuantizedUnit, int> positions)
    {
        _group = group;
        _positions = positions;
        _varied = [.. sources.Where(source => !source.Places.IsEmpty).Select(source => (source.Segment(chain), source.Places))];
    }

    /// <summary>Keeps what groups behind this one read besides what segments hand to one another.</summary>
    public void KeepFor(IEnumerable<VariedGroup> later) => _readLater = [.. later.SelectMany(group => group._varied).SelectMany(varied => varied.Segment.Inputs)];

    /// <summary>Adds to what is known of the sample.</summary>
    public void Run(VariedSample sample)
    {
        var known = sample.Known.ToDictionary();
        _group.Run(sample.Sample.Inputs, known);
        sample.Keep(known);
    }

    /// <summary>Varies the units of the group, which has run, and forgets what is not needed behind it.</summary>
    public void Vary(VariedSample sample, Func<int, bool>? varies, int threads, Action<Variation> use, CancellationToken cancellation)
    {
        var known = sample.Known;
        var varied = _varied.SelectMany(source => Varied(source.Segment, [.. source.Places.Where(place => varies?.Invoke(_positions[place.Unit]) ?? true)], sample)).ToArray();
        Parallel.ForEach(varied, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation }, entry =>
            Rerun(sample, known, entry.Place.Name, entry.Tensor, outputs => use(new(sample.Position, _positions[entry.Place.Unit], outputs))));
        sample.Keep(Reduce(known));
    }

    public Dictionary<string, TensorData> Reduce(IReadOnlyDictionary<string, TensorData> known) => _group.Reduce(known, _readLater);

    /// <summary>Lets go of what is opened again when it is needed.</summary>
    public void Release()
    {
        _group.ReleaseRest();
        foreach (var (segment, _) in _varied)
        {
            segment.Dispose();
        }
    }

    public void Dispose() => Release();

    /// <summary>Models of several plans have the same names for different values.</summary>
    private static IEnumerable<(Place Place, TensorData? Tensor)> Varied(GraphSegment segment, ImmutableArray<Place> places, VariedSample sample)
    {
        if (places.IsEmpty)
        {
            return [];
        }

        var tensors = sample.Known.ToDictionary();
        segment.Run(sample.Sample.Inputs, tensors);
        return places.Select(place => (place, tensors.GetValueOrDefault(place.Varied.Name)));
    }

    private static void Rerun(VariedSample sample, IReadOnlyDictionary<string, TensorData> known, string name, TensorData? tensor, Action<TensorData[]?> use)
    {
        try
        {
            sample.Rerun(known, name, tensor ?? known[name], use);
        }
        catch (InferenceException)
        {
            // What decides a shape or an index, rounded, may have decided one that there is not.
            use(null);
        }
    }
}
