using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Generated;

/// <summary>Operators that work on elements one by one, or row by row.</summary>
internal static class ReferenceElements
{
    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    public static Numbers LeakyRelu(Node node, Numbers x) => x.Map(value => value < 0 ? value * node.Float("alpha", 0.01f) : value);

    public static Numbers Clip(Numbers x, Numbers? low, Numbers? high) =>
        x.Map(value => Math.Min(Math.Max(value, low?.Elements[0] ?? double.MinValue), high?.Elements[0] ?? double.MaxValue));

    public static Numbers Where(Numbers condition, Numbers x, Numbers y)
    {
        var shape = Numbers.Combine(Numbers.Combine(x, y, (_, _) => 0), condition, (_, _) => 0).Shape;
        return Numbers.Make(shape, position => condition.Broadcast(position) != 0 ? x.Broadcast(position) : y.Broadcast(position));
    }

    /// <summary>Along the last axis, the only one that a case has.</summary>
    public static Numbers Softmax(Node node, Numbers x)
    {
        Assert.That((node.Int("axis", -1) + x.Rank) % x.Rank, Is.EqualTo(x.Rank - 1));
        var exponents = x.Map(Math.Exp);
        return Numbers.Make(x.Shape, position => exponents[position] / Enumerable.Range(0, x.Shape[^1]).Sum(index => exponents[[.. position[..^1], index]]));
    }
}
