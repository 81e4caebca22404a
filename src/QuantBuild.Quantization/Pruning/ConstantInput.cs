using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Pruning;

/// <summary>Gives a node another constant at one of its inputs; others that read the constant keep theirs.</summary>
internal static class ConstantInput
{
    public static void Replace(Node node, int input, TensorData constant)
    {
        var value = node.Input(input)!;
        if (value.Consumers.Count > 1 || value.IsGraphOutput)
        {
            node.SetInput(input, value.Graph.AddInitializer(value.Name, constant));
            return;
        }

        value.Constant = constant;
        if (!value.DeclaredShape.IsDefault)
        {
            value.Declare(constant.Type, [.. constant.Dimensions.Select(length => (long?)length)]);
        }
    }

    /// <summary>Changes the elements of a shape, of axes or of other integers.</summary>
    public static void Change(Node node, int input, Func<ImmutableArray<long>, ImmutableArray<long>> change)
    {
        var constant = node.Input(input)!.Constant!;
        long[] elements = [.. change(constant.ToLongs())];
        Replace(node, input, constant.Type == ElementType.Int64
            ? TensorData.Create<long>(constant.Dimensions, elements)
            : TensorData.Create<int>(constant.Dimensions, Array.ConvertAll(elements, element => (int)element)));
    }

    /// <summary>Leaves these positions of an axis.</summary>
    public static void Select(Node node, int input, int axis, IReadOnlyList<int> positions)
    {
        var constant = node.Input(input)!.Constant!;
        var length = (int)constant.Dimensions[axis];
        var inner = (int)constant.Dimensions.Skip(axis + 1).Aggregate(1L, (product, dimension) => product * dimension) * constant.Type.BitsPerElement() / 8;
        var selected = constant.Derive(constant.Type, constant.Dimensions.SetItem(axis, positions.Count), out var target);
        var source = constant.Bytes.Span;
        for (var i = 0; i < target.Length / inner; i++)
        {
            source.Slice(((i / positions.Count * length) + positions[i % positions.Count]) * inner, inner).CopyTo(target[(i * inner)..]);
        }

        Replace(node, input, selected);
    }
}
