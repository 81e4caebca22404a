using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Benchmarks.Operators;

/// <summary>The two shapes that models of a case have: operators one behind another, or one beside another where they change the shape.</summary>
internal static class CaseModels
{
    /// <summary>
    /// The channels on the outer side of the convolutions that stand at the borders: few, so that they cost little, but a whole block of the
    /// layout in which float convolutions compute.
    /// </summary>
    private const long Few = 16;

    /// <summary>Only every eighth pixel of what ends a branch is computed.</summary>
    private const int Stride = 8;

    /// <summary>source → operator → operator → … → end.</summary>
    public static Action<CaseGraph, int> Chain(Func<CaseGraph, Value> source, Func<CaseGraph, Value, int, Value> step, Func<CaseGraph, Value, Value> end) => (graph, count) =>
    {
        var value = source(graph);
        for (var i = 0; i < count; i++)
        {
            value = step(graph, value, i);
        }

        graph.Output(end(graph, value));
    };

    /// <summary>
    /// Six sources, each with an end of its own, and as many ends behind the operators: what has one reader less in the smaller model
    /// must not change what is around the operators.
    /// </summary>
    public static Action<CaseGraph, int> Fan(Func<CaseGraph, int, Value> source, Func<CaseGraph, ImmutableArray<Value>, int, Value[]> step, Func<CaseGraph, Value, int, Value> end) => (graph, count) =>
    {
        ImmutableArray<Value> sources = [.. Enumerable.Range(0, CostCase.Many).Select(index => source(graph, index))];
        foreach (var (index, value) in sources.Index())
        {
            graph.Output(end(graph, value, index));
        }

        Value[][] results = [.. Enumerable.Range(0, count).Select(index => step(graph, sources, index))];
        for (var i = 0; i < CostCase.Many; i++)
        {
            foreach (var result in results[i % count])
            {
                graph.Output(end(graph, result, i));
            }
        }
    };

    /// <summary>
    /// As many ends, one behind each source; in the smaller model most read a value that needs no conversion. Conversions with several
    /// readers will not do: each reader gets its own.
    /// </summary>
    public static Action<CaseGraph, int> Conversions(Func<CaseGraph, Value> source, Func<CaseGraph, Value> convertedSource, Func<CaseGraph, Value, int, Value> end) => (graph, count) =>
    {
        Value[] sources = [.. Enumerable.Range(0, CostCase.Many).Select(_ => source(graph))];
        var converted = convertedSource(graph);
        for (var i = 0; i < CostCase.Many; i++)
        {
            graph.Output(end(graph, i < count ? sources[i] : converted, i));
        }
    };

    /// <summary>Feature maps as they come from a convolution, in the layout that its kernel has.</summary>
    public static Value FeatureMap(this CaseGraph graph, long channels, long plane) =>
        graph.Convolve(graph.Input([1, Few, plane, plane]), new(Few, channels, 1));

    /// <summary>A convolution that reads them in that layout.</summary>
    public static Value ReadFeatureMap(this CaseGraph graph, Value map, long channels) =>
        graph.Convolve(map, new(channels, Few, 1));

    public static Value ReadSomeOfFeatureMap(this CaseGraph graph, Value map, long channels) =>
        graph.Convolve(map, new(channels, Few, 1, Stride));

    /// <summary>One row of a tensor, along axis 1.</summary>
    public static Value ReadRow(this CaseGraph graph, Value value, int row) =>
        graph.Move("Gather", [graph.Operand(value), graph.Longs("row", row)], NodeAttribute.Of("axis", 1L));
}
