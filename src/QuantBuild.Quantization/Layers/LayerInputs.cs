using System.Runtime.InteropServices;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Layers;

/// <summary>What some samples make of a layer's input: rows that its weights are multiplied with, sample by sample.</summary>
internal sealed class LayerInputs(LayerGeometry geometry, SampledRows[] samples)
{
    /// <summary>So many rows for each of its elements tell what there is to tell about how the elements go together …</summary>
    private const int RowsPerElement = 4;

    /// <summary>… within these bounds.</summary>
    private const int FewestRows = 256;

    private const int MostRows = 2048;

    public LayerGeometry Geometry => geometry;

    /// <summary>About how many bytes the rows of a layer take.</summary>
    public static long BytesOf(LayerGeometry geometry) => (long)geometry.Groups * geometry.Depth * RowsOf(geometry) * sizeof(float);

    /// <summary>In one pass over the samples. Matrices that read the same value share its rows.</summary>
    public static Dictionary<Node, LayerInputs> Gather(Model model, IReadOnlyCollection<Node> layers, SampleRun samples)
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
                    rows[group][position] = geometry.Sample(MemoryMarshal.Cast<byte, float>(bytes), shape, Math.Max(RowsOf(geometry) / samples.Count, 1));
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

    private static int RowsOf(LayerGeometry geometry) => Math.Clamp(RowsPerElement * geometry.Depth, FewestRows, MostRows);
}
