using System.Runtime.InteropServices;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Layers;

/// <summary>What some samples make of a layer's input: rows that its weights are multiplied with, sample by sample.</summary>
internal sealed class LayerInputs(LayerGeometry geometry, SampledRows[] samples)
{
    public LayerGeometry Geometry => geometry;

    /// <summary>About how many bytes the rows of a layer take.</summary>
    public static long BytesOf(LayerGeometry geometry, RowCount rows) => (long)geometry.Groups * geometry.Depth * rows.Of(geometry) * sizeof(float);

    /// <summary>In one pass over the samples. Matrices that read the same value share its rows.</summary>
    public static Dictionary<Node, LayerInputs> Gather(Model model, IReadOnlyCollection<Node> layers, SampleRun samples, RowCount count)
    {
        var geometries = layers.ToDictionary(node => node, node => LayerGeometry.Of(node)!);
        var sharing = layers.GroupBy(node => (Input: node.Input(0)!, Layer: geometries[node] is MatrixGeometry ? null : node)).ToArray();
        var rows = sharing.Select(_ => Enumerable.Repeat(SampledRows.None, samples.Count).ToArray()).ToArray();
        var readers = sharing.Index().GroupBy(entry => entry.Item.Key.Input).ToArray();
        using var session = new ScopedModel(model, [.. readers.Select(reader => reader.Key)]);
        samples.ForEach("Looking at layers", (position, sample) => session.Run(sample.Inputs, (index, _, shape, bytes) =>
        {
            foreach (var (group, nodes) in readers[index])
            {
                // Of a body that is run many times the first run with any rows
                if (rows[group][position].Count == 0)
                {
                    var geometry = geometries[nodes.First()];
                    rows[group][position] = geometry.Sample(MemoryMarshal.Cast<byte, float>(bytes), shape, RowSampling.Of(count.OfSample(geometry, samples.Count), position));
                }
            }
        }));
        return sharing.Zip(rows).SelectMany(pair => pair.First.Select(node => (Node: node, Rows: pair.Second)))
            .ToDictionary(entry => entry.Node, entry => new LayerInputs(geometries[entry.Node], entry.Rows));
    }

    /// <summary>What some of the samples, by their positions, have for a group of channels, one sample after the other.</summary>
    public SampledRows Columns(int group, Func<int, bool> isTaken)
    {
        var taken = samples.Where((rows, position) => rows.Count > 0 && isTaken(position)).ToArray();
        var count = taken.Sum(rows => rows.Count);
        var columns = new float[geometry.Depth * count];
        for (var (index, start) = (0, 0); index < geometry.Depth; index++)
        {
            foreach (var rows in taken)
            {
                rows.Columns.AsSpan(((group * geometry.Depth) + index) * rows.Count, rows.Count).CopyTo(columns.AsSpan(start));
                start += rows.Count;
            }
        }

        return new(count, columns);
    }
}

/// <summary>How many rows of a layer's inputs are looked at: so many for each of its elements, within bounds.</summary>
internal sealed record RowCount(int PerElement, int Fewest, int Most)
{
    /// <summary>What tells how elements go together.</summary>
    public static RowCount ToRank { get; } = new(4, 256, 2048);

    /// <summary>What weights are fitted to: fewer, and they would fit what the samples have by chance.</summary>
    public static RowCount ToFit { get; } = new(32, 2048, 32768);

    /// <summary>What weights are fitted to and rounded by, layer after layer: more took longer and brought nothing.</summary>
    public static RowCount ToReconstruct { get; } = new(32, 2048, 8192);

    private double Share { get; init; } = 1;

    public int Of(LayerGeometry geometry) => (int)(Share * Math.Clamp(PerElement * geometry.Depth, Fewest, Most));

    /// <summary>As many as the rows of all layers together may take.</summary>
    public RowCount Within(IEnumerable<LayerGeometry> layers, long bytes) =>
        this with { Share = Math.Min(1, (double)bytes / Math.Max(layers.Sum(geometry => LayerInputs.BytesOf(geometry, this)), 1)) };

    /// <summary>What each of so many samples gives.</summary>
    public int OfSample(LayerGeometry geometry, int samples) => Math.Max(Of(geometry) / samples, 1);
}
