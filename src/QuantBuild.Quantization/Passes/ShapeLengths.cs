using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Passes;

/// <summary>What is known of vectors of lengths that are put together from constants and from what is computed.</summary>
internal sealed class ShapeLengths
{
    private readonly ImmutableDictionary<Value, ImmutableArray<long?>> _shapes;

    /// <param name="model">The vectors'.</param>
    /// <param name="vectors">Those that will be asked for.</param>
    public ShapeLengths(Model model, IEnumerable<Value> vectors) => _shapes = InferredShapes.Proven(model, vectors.SelectMany(Parts).Where(part => !part.HasConstant).Distinct());

    /// <summary>One length for each element, null where it is computed; default where not even their number is known.</summary>
    public ImmutableArray<long?> Of(Value vector)
    {
        var lengths = ImmutableArray.CreateBuilder<long?>();
        foreach (var part in Parts(vector))
        {
            if (part is { IsConstant: true, Constant: { Type: ElementType.Int64 or ElementType.Int32, Rank: 1 } constant })
            {
                lengths.AddRange(constant.ToLongs().Select(length => (long?)length));
            }
            else if (_shapes.TryGetValue(part, out var shape) && shape is [{ } count])
            {
                lengths.AddRange(new long?[count]);
            }
            else
            {
                return default;
            }
        }

        return lengths.ToImmutable();
    }

    /// <summary>The vectors that it is joined from; itself where it is not.</summary>
    public static IEnumerable<Value> Parts(Value vector) => vector.Producer switch
    {
        { } node when node.Is("Cast") && (ElementType)node.Int("to", 0) is ElementType.Int32 or ElementType.Int64 => Parts(node.Input(0)!),
        { } node when node.Is("Concat") => node.Inputs.OfType<Value>().SelectMany(Parts),
        _ => [vector],
    };
}
