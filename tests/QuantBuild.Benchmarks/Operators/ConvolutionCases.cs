using System.Globalization;

namespace QuantBuild.Benchmarks.Operators;

/// <summary>Convolutions. Their unit is a multiply-add.</summary>
internal static class ConvolutionCases
{
    public static IEnumerable<CostCase> All() =>
    [
        .. Pointwise((16, 16, 56), (16, 16, 112), (32, 32, 56), (64, 64, 28), (64, 64, 56), (128, 128, 28), (256, 256, 14), (512, 512, 7), (24, 144, 28), (16, 96, 56), (32, 192, 14), (96, 576, 7), (64, 16, 56), (512, 64, 14), (40, 40, 28)),
        .. Spatial((16, 3, 32), (16, 3, 56), (16, 3, 112), (32, 3, 16), (32, 3, 28), (32, 3, 56), (64, 3, 8), (64, 3, 14), (64, 3, 28), (128, 3, 7), (128, 3, 14), (256, 3, 7), (512, 3, 4), (32, 5, 14), (48, 3, 28), (64, 5, 14)),
        .. Stem((1, 16, 3, 1, 28), (3, 16, 3, 1, 32), (3, 32, 3, 2, 112), (3, 32, 3, 2, 224), (3, 64, 3, 2, 112), (3, 64, 7, 2, 112), (3, 16, 3, 2, 160), (1, 64, 5, 1, 56)),
        .. Depthwise("Conv.depthwise", (16, 3, 112), (32, 3, 56), (32, 3, 112), (64, 3, 28), (96, 3, 56), (144, 3, 28), (192, 5, 14), (240, 3, 14), (480, 3, 14), (480, 5, 7), (512, 3, 7), (128, 3, 8)),
        .. Depthwise("Conv.depthwise.odd", (8, 3, 112), (24, 3, 56), (24, 5, 28), (40, 3, 56), (72, 3, 28), (72, 5, 28), (120, 3, 28), (120, 5, 14), (200, 3, 14), (184, 3, 14), (328, 3, 7)),
        .. Grouped((32, 2, 28), (64, 2, 28), (64, 4, 28), (128, 32, 28), (128, 4, 14), (256, 32, 14), (256, 8, 14), (512, 32, 7), (240, 3, 14), (60, 3, 28)),
        .. Sequence((32, 3, 100), (64, 3, 200), (64, 1, 100), (128, 3, 100), (128, 5, 50), (128, 3, 400), (256, 3, 100), (256, 1, 200), (512, 3, 50)),
    ];

    /// <summary>From one number of channels to the other and back.</summary>
    private static IEnumerable<CostCase> Pointwise(params (long Narrow, long Wide, long Plane)[] grid) => grid.Select(row =>
    {
        var layers = new[] { new Convolution(row.Narrow, row.Wide, 1), new Convolution(row.Wide, row.Narrow, 1) };
        return new CostCase("Conv.pointwise", Text($"{row.Narrow}-{row.Wide} {row.Plane}×{row.Plane}"),
            CaseModels.Chain(
                graph => graph.FeatureMap(row.Narrow, row.Plane),
                (graph, value, index) => graph.Convolve(value, layers[index % 2]),
                (graph, value) => graph.ReadFeatureMap(value, row.Narrow)),
            index => layers[index % 2].WorkOn(row.Plane));
    });

    private static IEnumerable<CostCase> Spatial(params (long Channels, int Kernel, long Plane)[] grid) =>
        grid.Select(row => Chain("Conv.spatial", new(row.Channels, row.Channels, row.Kernel), row.Plane));

    private static IEnumerable<CostCase> Depthwise(string kind, params (int Channels, int Kernel, long Plane)[] grid) =>
        grid.Select(row => Chain(kind, new(row.Channels, row.Channels, row.Kernel, 1, row.Channels), row.Plane));

    private static IEnumerable<CostCase> Grouped(params (long Channels, int Groups, long Plane)[] grid) =>
        grid.Select(row => Chain("Conv.grouped", new(row.Channels, row.Channels, 3, 1, row.Groups), row.Plane));

    private static CostCase Chain(string kind, Convolution layer, long plane) => new(
        kind, Text($"{layer.Inputs} {layer.Kernel}×{layer.Kernel} /{layer.Groups} {plane}×{plane}"),
        CaseModels.Chain(
            graph => graph.FeatureMap(layer.Inputs, plane),
            (graph, value, _) => graph.Convolve(value, layer),
            (graph, value) => graph.ReadFeatureMap(value, layer.Inputs)),
        _ => layer.WorkOn(plane));

    private static IEnumerable<CostCase> Sequence(params (long Channels, int Kernel, long Length)[] grid) => grid.Select(row =>
    {
        var layer = new Convolution(row.Channels, row.Channels, row.Kernel) { Dimensions = 1 };
        var border = new Convolution(8, row.Channels, 1) { Dimensions = 1 };
        return new CostCase("Conv.sequence", Text($"{row.Channels} {row.Kernel} {row.Length}"),
            CaseModels.Chain(
                graph => graph.Convolve(graph.Input([1, 8, row.Length]), border),
                (graph, value, _) => graph.Convolve(value, layer),
                (graph, value) => graph.Convolve(value, border with { Inputs = row.Channels, Outputs = 8 })),
            _ => layer.WorkOn(row.Length));
    });

    /// <summary>Images have no convolution in front of them, so these stand side by side.</summary>
    private static IEnumerable<CostCase> Stem(params (long Inputs, long Outputs, int Kernel, int Stride, long Plane)[] grid) => grid.Select(row =>
    {
        var layer = new Convolution(row.Inputs, row.Outputs, row.Kernel, row.Stride);
        return new CostCase("Conv.stem", Text($"{row.Inputs}-{row.Outputs} {row.Kernel}×{row.Kernel} /{row.Stride} {row.Plane}×{row.Plane}"),
            (graph, count) =>
            {
                var image = graph.Input([1, row.Inputs, row.Plane, row.Plane]);
                var maps = Enumerable.Range(0, count).Select(_ => graph.Convolve(image, layer)).ToArray();
                for (var i = 0; i < CostCase.Many; i++)
                {
                    graph.Output(graph.ReadSomeOfFeatureMap(maps[i % count], row.Outputs));
                }
            },
            _ => layer.WorkOn(row.Plane));
    });

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
