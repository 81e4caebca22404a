using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Generated;

/// <summary>
/// A small model with its inputs' shapes. <paramref name="Build"/> adds nodes to a graph that has the inputs, and its outputs.
/// </summary>
internal sealed record GeneratedCase(string Name, ImmutableArray<GeneratedInput> Inputs, Func<Graph, TinyModels, IEnumerable<Value>> Build)
{
    /// <summary>Operators that must be INT8, in the order of the graph.</summary>
    public ImmutableArray<string> Int8 { get; init; } = [];

    public long Opset { get; init; } = 13;

    /// <summary>Quantized against float: 8 bits of uniformly distributed values keep more than this.</summary>
    public double LowestSqnrDb { get; init; } = 28;

    /// <summary>How many steps of its output's scale a kernel may be off: one for its rounding, one more for each kernel whose rounding it takes in.</summary>
    public int Steps { get; init; } = 1;

    public Model Model()
    {
        var model = Onnx.Model.Create("generated", Opset);
        foreach (var input in Inputs)
        {
            model.Graph.AddInput(input.Name).Declare(input.Type, [.. input.Shape.Select((length, axis) => input.OpenAxes.Contains(axis) ? (long?)null : length)]);
        }

        foreach (var output in Build(model.Graph, new TinyModels()).ToArray())
        {
            output.Declare(ElementType.Float, default);
            model.Graph.AddOutput(output);
        }

        return model;
    }

    public override string ToString() => Name;
}

/// <summary>
/// An input and the shape of its samples; integers are below <see cref="Classes"/>. Real numbers do not lie around 0, so that a zero point is none
/// that another one could be taken for.
/// </summary>
internal sealed record GeneratedInput(string Name, ImmutableArray<long> Shape)
{
    public ElementType Type { get; init; } = ElementType.Float;

    public ImmutableArray<int> OpenAxes { get; init; } = [];

    public int Classes { get; init; }

    public TensorData Sample(TinyModels random)
    {
        var elements = random.Random(Shape).ToFloats();
        return Type == ElementType.Float
            ? TensorData.Create<float>(Shape, Array.ConvertAll(elements, value => value + 0.5f))
            : TensorData.Create<long>(Shape, Array.ConvertAll(elements, value => (long)Math.Min((value + 1) / 2 * Classes, Classes - 1)));
    }
}
