using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Data.Arrays;

/// <summary>One input of the model that takes its values from an array. <paramref name="Source"/> names the array in messages.</summary>
internal sealed record ArrayInput(InputSpecification Specification, string Source)
{
    public TensorData Accept(NpyHeader header, ImmutableArray<long> shape, byte[] elements)
    {
        RequireType(header.Type);
        return Convert(ArrayElements.ToTensor(header.Type, shape, elements, Specification.Type));
    }

    /// <summary>A tensor that has a type of ONNX's and its batch dimension.</summary>
    public TensorData Accept(TensorData tensor)
    {
        if (!ElementConversion.IsAllowed(tensor.Type, Specification.Type))
        {
            throw SampleError.Type(
                Source, $"the tensor holds {tensor.Type.NumPyName()}; the model's input '{Specification.Name}' takes {Specification.Type.NumPyName()}.");
        }

        RequireShape(tensor.Dimensions);
        return Convert(tensor);
    }

    /// <param name="shape">With its batch dimension.</param>
    public void RequireShape(ImmutableArray<long> shape)
    {
        if (!ShapeFitting.Fits(shape, Specification.Dimensions))
        {
            throw WrongShape(shape, "batch dimension included");
        }
    }

    /// <summary>The shape of the tensor for a slice or a single sample, which may lack dimensions of 1 or have more of them.</summary>
    public ImmutableArray<long> FitShape(ImmutableArray<long> shape) =>
        ShapeFitting.Fit(shape, Specification.Dimensions) ?? throw WrongShape(shape, "one sample a slice of the first axis");

    private TensorData Convert(TensorData tensor) => ElementConversion.Convert(tensor, Specification.Type) ?? throw SampleError.Type(
        Source, $"a value is too large for {Specification.Type.NumPyName()}, the type of the model's input '{Specification.Name}'; scale the data.");

    private void RequireType(NumPyType type)
    {
        var expected = Specification.Type;
        var isAllowed = type.IsOpaque
            ? IsOpaque(expected) && (expected.BitsPerElement() + 7) / 8 == type.Size
            : ElementConversion.IsAllowed(type.ElementType, expected);
        if (!isAllowed)
        {
            var name = expected.NumPyName();
            throw SampleError.Type(
                Source, $"the array has dtype {type}; the model's input '{Specification.Name}' takes {name}: save array.astype('{name}').");
        }
    }

    private static bool IsOpaque(ElementType type) => type is ElementType.BFloat16 or ElementType.Float8E4M3FN
        or ElementType.Float8E4M3FNUZ or ElementType.Float8E5M2 or ElementType.Float8E5M2FNUZ or ElementType.Float8E8M0
        || type.BitsPerElement() is 2 or 4;

    private Onnx.Diagnostics.QuantBuildException WrongShape(ImmutableArray<long> shape, string convention) => SampleError.Shape(
        Source,
        $"the sample has shape [{string.Join(',', shape)}]; the model's input '{Specification.Name}' takes {Specification.Shape}, {convention}.");
}
