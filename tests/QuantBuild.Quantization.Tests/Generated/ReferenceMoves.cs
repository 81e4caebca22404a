using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Generated;

/// <summary>The operators that move, select or average elements.</summary>
internal static class ReferenceMoves
{
    public static Numbers Run(string opType, Node node, Numbers x, Numbers?[] others) => opType switch
    {
        "Identity" => x,
        "MaxPool" => MaxPool(node, x),
        "AveragePool" => AveragePool(node, x),
        "GlobalAveragePool" => Average(x),
        "Resize" => Resize(x, others[1]!),
        "Concat" => others.Aggregate(x, (joined, next) => Join(joined, next!, Axis(node, x.Rank))),
        "Pad" => Pad(x, others[0]!.ToInts(), others.ElementAtOrDefault(1)?.Elements[0] ?? 0),
        "Reshape" => Reshape(x, others[0]!.ToInts()),
        "Flatten" => Reshape(x, [x.Shape[..Axis(node, x.Rank)].Aggregate(1, (product, length) => product * length), -1]),
        "Squeeze" => new(x.Elements, [.. x.Shape.Where((_, axis) => !others[0]!.ToInts().Contains(axis))]),
        "Unsqueeze" => new(x.Elements, others[0]!.ToInts().Order().Aggregate(x.Shape, (shape, axis) => [.. shape[..axis], 1, .. shape[axis..]])),
        "Transpose" => Transpose(node, x),
        "Slice" => Slice(x, others),
        "Gather" => Gather(x, others[0]!),
        _ => throw new NotSupportedException(opType),
    };

    public static Numbers[] Split(Node node, Numbers x, int[] lengths)
    {
        var axis = Axis(node, x.Rank);
        return [.. lengths.Select((length, part) =>
        {
            int[] shape = [.. x.Shape];
            shape[axis] = length;
            var start = lengths[..part].Sum();
            return Numbers.Make(shape, position => x[[.. position.Select((index, at) => at == axis ? index + start : index)]]);
        })];
    }

    private static int Axis(Node node, int rank) => (int)(node.Int("axis", 1) + rank) % rank;

    private static Numbers MaxPool(Node node, Numbers x)
    {
        var window = Window.Of(node, [.. node.Ints("kernel_shape").Select(length => (int)length)]);
        return Numbers.Make([.. x.Shape[..2], .. window.OutputLengths(x.Shape[2..])], position =>
            Numbers.Positions(window.Lengths).Max(tap => x.At([.. position[..2], .. window.Source(position[2..], tap)], double.NegativeInfinity)));
    }

    /// <summary>What lies outside does not count.</summary>
    private static Numbers AveragePool(Node node, Numbers x)
    {
        var window = Window.Of(node, [.. node.Ints("kernel_shape").Select(length => (int)length)]);
        return Numbers.Make([.. x.Shape[..2], .. window.OutputLengths(x.Shape[2..])], position =>
            Numbers.Positions(window.Lengths).Select(tap => x.At([.. position[..2], .. window.Source(position[2..], tap)], double.NaN)).Where(double.IsFinite).Average());
    }

    /// <summary>Each element over and over, a whole number of times.</summary>
    private static Numbers Resize(Numbers x, Numbers scales) => Numbers.Make(
        [.. x.Shape.Select((length, axis) => length * (int)scales.Elements[axis])],
        position => x[[.. position.Select((index, axis) => index / (int)scales.Elements[axis])]]);

    private static Numbers Average(Numbers x)
    {
        var plane = x.Shape[2..];
        return Numbers.Make([.. x.Shape[..2], .. plane.Select(_ => 1)], position =>
            Numbers.Positions(plane).Average(place => x[[.. position[..2], .. place]]));
    }

    private static Numbers Join(Numbers first, Numbers second, int axis)
    {
        int[] shape = [.. first.Shape];
        shape[axis] += second.Shape[axis];
        return Numbers.Make(shape, position => position[axis] < first.Shape[axis]
            ? first[position]
            : second[[.. position.Select((index, at) => at == axis ? index - first.Shape[axis] : index)]]);
    }

    private static Numbers Pad(Numbers x, int[] pads, double value) => Numbers.Make(
        [.. x.Shape.Select((length, axis) => length + pads[axis] + pads[axis + x.Rank])],
        position => x.At([.. position.Select((index, axis) => index - pads[axis])], value));

    private static Numbers Reshape(Numbers x, int[] shape)
    {
        int[] known = [.. shape.Select((length, axis) => length == 0 ? x.Shape[axis] : length)];
        var product = known.Where(length => length > 0).Aggregate(1, (product, length) => product * length);
        return new(x.Elements, [.. known.Select(length => length < 0 ? x.Elements.Length / product : length)]);
    }

    private static Numbers Transpose(Node node, Numbers x)
    {
        int[] order = node.Ints("perm") is { IsDefault: false } given ? [.. given.Select(axis => (int)axis)] : [.. Enumerable.Range(0, x.Rank).Reverse()];
        return Numbers.Make([.. order.Select(axis => x.Shape[axis])], position =>
        {
            var source = new int[x.Rank];
            for (var axis = 0; axis < x.Rank; axis++)
            {
                source[order[axis]] = position[axis];
            }

            return x[source];
        });
    }

    /// <summary>Starts and ends that are not negative, with steps of 1 or more.</summary>
    private static Numbers Slice(Numbers x, Numbers?[] others)
    {
        var (starts, ends) = (others[0]!.ToInts(), others[1]!.ToInts());
        var axes = others.ElementAtOrDefault(2)?.ToInts() ?? [.. Enumerable.Range(0, starts.Length)];
        var steps = others.ElementAtOrDefault(3)?.ToInts() ?? [.. starts.Select(_ => 1)];
        var (from, step, shape) = (new int[x.Rank], Enumerable.Repeat(1, x.Rank).ToArray(), x.Shape.ToArray());
        foreach (var (index, axis) in axes.Index())
        {
            (from[axis], step[axis]) = (starts[index], steps[index]);
            shape[axis] = (Math.Min(ends[index], x.Shape[axis]) - starts[index] + steps[index] - 1) / steps[index];
        }

        return Numbers.Make(shape, position => x[[.. position.Select((index, axis) => from[axis] + (index * step[axis]))]]);
    }

    /// <summary>Rows of a table.</summary>
    private static Numbers Gather(Numbers x, Numbers indices) => Numbers.Make(
        [.. indices.Shape, .. x.Shape[1..]], position => x[[(int)indices[position[..indices.Rank]], .. position[indices.Rank..]]]);
}
