using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// A matrix product with one-hot rows, which Equal makes of numbers and 0, 1, 2, …, picks rows of its weights: it becomes a Gather. A number that
/// equals none of them has a row of zeros.
/// </summary>
internal sealed class RecognizeEmbedding : GraphPass
{
    /// <summary>The first whose Clip knows integers and whose Squeeze has its axes as an input.</summary>
    private const long FirstOpset = 13;

    public override void Run(Model model)
    {
        if (model.Opset < FirstOpset)
        {
            return;
        }

        var products = Bodies.Nodes(model.Graph).Select(ProductOf).OfType<OneHotProduct>().ToArray();
        if (products.Length == 0)
        {
            return;
        }

        var columns = products.SelectMany(product => new[] { product.Numbers, product.Numbers.Producer?.Input(0) }).OfType<Value>().Where(value => !value.HasConstant).Distinct().ToArray();
        var (shapes, lengths) = (InferredShapes.Proven(model, columns), new ShapeLengths(model, products.Select(product => ExpandedTo(product.Numbers)).OfType<Value>()));
        foreach (var product in products.Where(product => IsColumn(product, shapes, lengths)))
        {
            Rewrite(product);
        }
    }

    private static OneHotProduct? ProductOf(Node node) =>
        node.Is("MatMul") && node.Input(1) is { IsConstant: true, Constant: { Type: ElementType.Float, Rank: 2 } table }
        && ReadByItAlone(node.Input(0)) is { } cast && cast.Is("Cast")
        && ReadByItAlone(cast.Input(0)) is { } equal && equal.Is("Equal")
        && (Operands(equal, 0, table.Dimensions[0]) ?? Operands(equal, 1, table.Dimensions[0])) is { } numbers
            ? new(node, numbers, table, equal.Inputs.Single(input => input != numbers)!.Constant!)
            : null;

    private static Node? ReadByItAlone(Value? value) => value is { IsGraphOutput: false, Consumers.Count: 1, Producer: { } producer } ? producer : null;

    /// <summary>What is compared with 0, 1, 2, … along the last axis; null where it is no such comparison.</summary>
    private static Value? Operands(Node equal, int index, long count) =>
        equal.Input(index) is { HasConstant: false } numbers
        && equal.Input(1 - index) is { IsConstant: true, Constant: { Type: ElementType.Int32 or ElementType.Int64, Rank: > 0 } constant }
        && constant.ElementCount == count && constant.Dimensions[^1] == count && constant.ToLongs().Index().All(entry => entry.Item == entry.Index)
            ? numbers
            : null;

    private static Value? ExpandedTo(Value numbers) => numbers.Producer is { } expand && expand.Is("Expand") ? expand.Input(1) : null;

    /// <summary>
    /// True where the last axis is known to have one element: then each number is compared with all. What they are compared with must not have more axes, which the
    /// result would have, too.
    /// </summary>
    private static bool IsColumn(OneHotProduct product, ImmutableDictionary<Value, ImmutableArray<long?>> shapes, ShapeLengths lengths)
    {
        bool IsOne(ImmutableArray<long?> shape) => shape is { IsDefault: false } and [.., _, 1] && product.Compared.Rank <= shape.Length;
        var numbers = product.Numbers;
        return IsOne(shapes.GetValueOrDefault(numbers))
            || (ExpandedTo(numbers) is { } target && shapes.GetValueOrDefault(numbers.Producer!.Input(0)!) is { IsDefault: false } and [.., 1] && IsOne(lengths.Of(target)));
    }

    private static void Rewrite(OneHotProduct product)
    {
        var (graph, rows) = (product.MatMul.Graph, product.Table.Dimensions[0]);
        var hint = product.MatMul.Output.Name;
        var table = product.Table.Derive<float>([rows + 1, product.Table.Dimensions[1]], out var elements);
        product.Table.AsSpan<float>().CopyTo(elements);
        elements[(int)product.Table.ElementCount..].Clear();

        // Of what is out of bounds, one end is the last row, and the other the last row counted from behind.
        var numbers = graph.AddNode("Squeeze", [product.Numbers, graph.AddInitializer(hint + "_axis", TensorData.Vector<long>(-1))], hint + "_numbers", product.MatMul).Output;
        var inside = graph.AddNode("Clip", [numbers, Number(-1), Number(rows)], hint + "_rows", product.MatMul).Output;
        graph.Replace(product.MatMul, "Gather", [graph.AddInitializer(hint + "_table", table), inside]);

        Value Number(long value) => graph.AddInitializer(hint + "_bound", product.Compared.Type == ElementType.Int32 ? TensorData.Scalar((int)value) : TensorData.Scalar(value));
    }

    private sealed record OneHotProduct(Node MatMul, Value Numbers, TensorData Table, TensorData Compared);
}
