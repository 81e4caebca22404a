using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Sensitivity;

/// <summary>
/// Some segments that follow one another, and all that comes behind them as one model: ONNX Runtime fuses and lays out the whole better than its parts.
/// </summary>
/// <param name="segments">In the order in which they run.</param>
/// <param name="openRest">Null where nothing comes behind. What it opens is held until the group lets go of it.</param>
/// <param name="needed">The names of values that are wanted when the group has run.</param>
/// <param name="outputs">The names of the model's outputs.</param>
internal sealed class SegmentGroup(ImmutableArray<GraphSegment> segments, Func<GraphSegment>? openRest, IReadOnlySet<string> needed, IReadOnlySet<string> outputs) : IDisposable
{
    private readonly Lock _lock = new();
    private GraphSegment? _rest;

    public bool Makes(string name) => segments.Any(segment => segment.Outputs.Contains(name));

    /// <summary>Adds what the segments hand to others.</summary>
    public void Run(SampleInputs inputs, Dictionary<string, TensorData> known)
    {
        foreach (var segment in segments)
        {
            segment.Run(inputs, known);
        }
    }

    /// <summary>Runs what a change comes to, up to the end of the model. <paramref name="tensors"/> are known behind the group, but for the change; what is added lasts as long as <paramref name="held"/>.</summary>
    public void Rerun(SampleInputs inputs, Dictionary<string, TensorData> tensors, string changedName, HeldResults held)
    {
        var changed = new HashSet<string> { changedName };
        var first = segments.Index().FirstOrDefault(segment => segment.Item.Outputs.Contains(changedName), (Index: -1, Item: null!)).Index + 1;
        foreach (var segment in segments[first..].Where(segment => segment.Inputs.Overlaps(changed)))
        {
            segment.Run(inputs, tensors, held);
            changed.UnionWith(segment.Outputs);
        }

        if (openRest is not null && (needed.Overlaps(changed) || !outputs.All(tensors.ContainsKey)))
        {
            Rest(openRest).Run(inputs, tensors, held);
        }
    }

    /// <summary>Only what is wanted behind the group, and <paramref name="besides"/>.</summary>
    public Dictionary<string, TensorData> Reduce(IReadOnlyDictionary<string, TensorData> known, IReadOnlySet<string> besides) =>
        known.Where(entry => needed.Contains(entry.Key) || besides.Contains(entry.Key)).ToDictionary();

    /// <summary>Lets go of what comes behind; it is opened again when it is run.</summary>
    public void ReleaseRest()
    {
        _rest?.Dispose();
        _rest = null;
    }

    public void Dispose()
    {
        ReleaseRest();
        foreach (var segment in segments)
        {
            segment.Dispose();
        }
    }

    private GraphSegment Rest(Func<GraphSegment> open)
    {
        lock (_lock)
        {
            return _rest ??= open();
        }
    }
}
