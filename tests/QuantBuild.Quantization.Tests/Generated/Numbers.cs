using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Generated;

/// <summary>A tensor of any type in double precision, which holds every product and sum of bytes exactly.</summary>
internal sealed record Numbers(double[] Elements, int[] Shape)
{
    public int Rank => Shape.Length;

    public double this[params int[] position] => Elements[Index(position)];

    public static Numbers Of(TensorData tensor)
    {
        double[] elements = tensor.Type switch
        {
            ElementType.Float => [.. tensor.ToFloats().Select(element => (double)element)],
            ElementType.UInt8 => [.. tensor.AsSpan<byte>().ToArray().Select(element => (double)element)],
            ElementType.Int8 => [.. tensor.AsSpan<sbyte>().ToArray().Select(element => (double)element)],
            ElementType.UInt16 => [.. tensor.AsSpan<ushort>().ToArray().Select(element => (double)element)],
            ElementType.Int16 => [.. tensor.AsSpan<short>().ToArray().Select(element => (double)element)],
            ElementType.Boolean => [.. tensor.AsSpan<bool>().ToArray().Select(element => element ? 1.0 : 0)],
            ElementType.UInt4 => [.. Nibbles(tensor)],
            ElementType.Int4 => [.. Nibbles(tensor).Select(nibble => nibble > 7 ? nibble - 16 : nibble)],
            _ => [.. tensor.ToLongs().Select(element => (double)element)],
        };
        return new(elements, [.. tensor.Dimensions.Select(length => (int)length)]);
    }

    public static Numbers Make(int[] shape, Func<int[], double> element) => new([.. Positions(shape).Select(element)], shape);

    /// <summary>Every position in a shape, the last axis fastest.</summary>
    public static IEnumerable<int[]> Positions(int[] shape)
    {
        var count = shape.Aggregate(1, (product, length) => product * length);
        for (var index = 0; index < count; index++)
        {
            var position = new int[shape.Length];
            for (var (axis, rest) = (shape.Length - 1, index); axis >= 0; rest /= shape[axis--])
            {
                position[axis] = rest % shape[axis];
            }

            yield return position;
        }
    }

    /// <summary>0 outside.</summary>
    public double At(int[] position, double outside = 0) =>
        position.Zip(Shape).All(pair => pair.First >= 0 && pair.First < pair.Second) ? Elements[Index(position)] : outside;

    /// <summary>The element that broadcasting puts at a position of a shape of at least this rank.</summary>
    public double Broadcast(int[] position) => Elements[Index([.. Shape.Select((length, axis) => length == 1 ? 0 : position[axis + position.Length - Rank])])];

    public static Numbers Combine(Numbers left, Numbers right, Func<double, double, double> combine)
    {
        var rank = Math.Max(left.Rank, right.Rank);
        int Length(Numbers operand, int axis) => axis < rank - operand.Rank ? 1 : operand.Shape[axis - rank + operand.Rank];
        int[] shape = [.. Enumerable.Range(0, rank).Select(axis => Math.Max(Length(left, axis), Length(right, axis)))];
        return Make(shape, position => combine(left.Broadcast(position), right.Broadcast(position)));
    }

    public Numbers Map(Func<double, double> map) => new(Array.ConvertAll(Elements, element => map(element)), Shape);

    public int[] ToInts() => Array.ConvertAll(Elements, element => (int)Math.Clamp(element, int.MinValue, int.MaxValue));

    public ImmutableArray<long> Dimensions => [.. Shape.Select(length => (long)length)];

    /// <summary>Two a byte, the first in its low half.</summary>
    private static IEnumerable<double> Nibbles(TensorData tensor) =>
        tensor.Bytes.ToArray().SelectMany(pair => new double[] { pair % 16, pair / 16 }).Take((int)tensor.ElementCount);

    private int Index(int[] position)
    {
        var index = 0;
        for (var axis = 0; axis < Rank; axis++)
        {
            index = (index * Shape[axis]) + position[axis];
        }

        return index;
    }
}
