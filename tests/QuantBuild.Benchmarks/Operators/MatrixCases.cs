using System.Globalization;
using QuantBuild.Onnx;

namespace QuantBuild.Benchmarks.Operators;

/// <summary>Matrix products. Their unit is a multiply-add.</summary>
internal static class MatrixCases
{
    public static IEnumerable<CostCase> All() =>
    [
        .. Constant("MatMul", (16, 64, 64), (128, 64, 64), (4, 384, 384), (16, 384, 384), (64, 384, 384), (128, 384, 384), (16, 384, 1536), (64, 384, 1536), (128, 256, 1024), (49, 128, 512), (196, 192, 192), (32, 768, 768), (8, 768, 3072)),
        .. Gemms("MatMul", (16, 64, 64), (64, 256, 256), (32, 512, 512), (16, 768, 768)),
        .. Constant("MatMul.vector", (1, 64, 64), (1, 128, 128), (1, 256, 256), (1, 512, 512), (1, 384, 1536), (1, 768, 768), (1, 192, 192), (2, 256, 256)),
        .. Gemms("MatMul.vector", (1, 64, 64), (1, 256, 256), (1, 512, 512)),
        .. Computed((4, 16, 32), (4, 64, 32), (8, 128, 32), (12, 32, 32), (12, 128, 32), (3, 49, 32), (6, 196, 32), (12, 64, 64), (1, 128, 128), (8, 40, 15)),
    ];

    private static IEnumerable<CostCase> Constant(string kind, params (long Rows, long Narrow, long Wide)[] grid) => grid.Select(row =>
        Chain(kind, "MatMul", row, graph => graph.Input([1, row.Rows, row.Narrow]), Layers.MatMul) with
        {
            Forms = [KernelForm.Float, KernelForm.Int8, KernelForm.Dynamic, KernelForm.WeightOnly, KernelForm.WeightOnly4],
        });

    private static IEnumerable<CostCase> Gemms(string kind, params (long Rows, long Narrow, long Wide)[] grid) => grid.Select(row =>
        Chain(kind, "Gemm", row, graph => graph.Input([row.Rows, row.Narrow]), Layers.Gemm));

    /// <summary>From one number of columns to the other and back.</summary>
    private static CostCase Chain(string kind, string opType, (long Rows, long Narrow, long Wide) row, Func<CaseGraph, Value> source, Func<CaseGraph, Value, long, long, Value> layer) => new(
        kind, Text($"{opType} {row.Rows}×{row.Narrow}-{row.Wide}"),
        CaseModels.Chain(
            source,
            (graph, value, index) => index % 2 == 0 ? layer(graph, value, row.Narrow, row.Wide) : layer(graph, value, row.Wide, row.Narrow),
            (_, value) => value),
        index => new(1, row.Rows * row.Narrow * row.Wide, row.Rows * (index % 2 == 0 ? row.Wide : row.Narrow)));

    /// <summary>As in attention: scores of queries and keys, then those with the values.</summary>
    private static IEnumerable<CostCase> Computed(params (long Heads, long Length, long Size)[] grid) => grid.Select(row => new CostCase(
        "MatMul.computed", Text($"{row.Heads} heads {row.Length}×{row.Size}"),
        (graph, count) =>
        {
            var (keys, values) = (graph.Input([1, row.Heads, row.Size, row.Length]), graph.Input([1, row.Heads, row.Length, row.Size]));
            CaseModels.Chain(
                source => source.Input([1, row.Heads, row.Length, row.Size]),
                (chain, value, index) => chain.Apply("MatMul", [chain.Operand(value), chain.Operand(index % 2 == 0 ? keys : values)]),
                (_, value) => value)(graph, count);
        },
        index => new(1, row.Heads * row.Length * row.Length * row.Size, row.Heads * row.Length * (index % 2 == 0 ? row.Length : row.Size))));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
