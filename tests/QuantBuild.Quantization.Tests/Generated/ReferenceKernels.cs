using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Generated;

/// <summary>The operators that multiply, written as sums over positions.</summary>
internal static class ReferenceKernels
{
    public static Numbers Conv(Node node, Numbers x, Numbers weights, Numbers? bias)
    {
        var window = Window.Of(node, weights.Shape[2..]);
        var perGroup = weights.Shape[0] / (int)node.Int("group", 1);
        int[] shape = [x.Shape[0], weights.Shape[0], .. window.OutputLengths(x.Shape[2..])];
        return Numbers.Make(shape, position =>
        {
            var (batch, channel) = (position[0], position[1]);
            var first = channel / perGroup * weights.Shape[1];
            return (bias?.Elements[channel] ?? 0) + Numbers.Positions(weights.Shape[1..]).Sum(tap =>
                weights[[channel, .. tap]] * x.At([batch, first + tap[0], .. window.Source(position[2..], tap[1..])]));
        });
    }

    /// <summary>Weights are [in, out / group, …]; each input element is spread over its window.</summary>
    public static Numbers ConvTranspose(Node node, Numbers x, Numbers weights, Numbers? bias)
    {
        var window = Window.Of(node, weights.Shape[2..]);
        var groups = (int)node.Int("group", 1);
        int[] lengths = [.. x.Shape[2..].Select((length, axis) =>
            (window.Strides[axis] * (length - 1)) + (window.Dilations[axis] * (window.Lengths[axis] - 1)) + 1 - window.Begins[axis] - window.Ends[axis])];
        var result = Numbers.Make([x.Shape[0], weights.Shape[1] * groups, .. lengths], position => bias?.Elements[position[1]] ?? 0);
        foreach (var source in Numbers.Positions(x.Shape))
        {
            var group = source[1] / (x.Shape[1] / groups);
            foreach (var tap in Numbers.Positions(weights.Shape[1..]))
            {
                var target = window.Source(source[2..], tap[1..]);
                if (target.Zip(lengths).All(pair => pair.First >= 0 && pair.First < pair.Second))
                {
                    result.Add(x[source] * weights[[source[1], .. tap]], [source[0], (group * weights.Shape[1]) + tap[0], .. target]);
                }
            }
        }

        return result;
    }

    public static Numbers Gemm(Node node, Numbers a, Numbers b, Numbers? c)
    {
        var (left, right) = (node.Int("transA", 0) == 1 ? Transposed(a) : a, node.Int("transB", 0) == 1 ? Transposed(b) : b);
        var product = MatMul(left, right).Map(value => value * node.Float("alpha", 1));
        return c is null ? product : Numbers.Combine(product, c, (value, addend) => value + (node.Float("beta", 1) * addend));
    }

    public static Numbers MatMul(Numbers a, Numbers b)
    {
        var left = a.Rank == 1 ? new Numbers(a.Elements, [1, a.Shape[0]]) : a;
        var batch = left.Rank - 2 > b.Rank - 2 ? left.Shape[..^2] : b.Shape[..^2];
        var inner = left.Shape[^1];
        var result = Numbers.Make([.. batch, left.Shape[^2], b.Shape[^1]], position => Enumerable.Range(0, inner).Sum(index =>
            left.Broadcast([.. position[..^1], index]) * b.Broadcast([.. position[..^2], index, position[^1]])));
        return a.Rank == 1 ? new(result.Elements, [.. batch, b.Shape[^1]]) : result;
    }

    private static Numbers Transposed(Numbers x) => Numbers.Make([x.Shape[1], x.Shape[0]], position => x[position[1], position[0]]);

    private static void Add(this Numbers numbers, double value, int[] position)
    {
        var index = position.Zip(numbers.Shape).Aggregate(0, (index, pair) => (index * pair.Second) + pair.First);
        numbers.Elements[index] += value;
    }
}
