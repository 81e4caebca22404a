using System.Numerics.Tensors;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Sensitivity;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>
/// What an output is to those who read it. Of several outputs the last kind in this order counts. What it is compared by serves the kinds before it, too; boxes beside
/// scores at many positions are read where these say so.
/// </summary>
internal enum OutputKind
{
    /// <summary>Which class has the highest score is read.</summary>
    ClassScores,

    /// <summary>Vectors, of which directions are compared.</summary>
    Embedding,

    /// <summary>Every element counts.</summary>
    Other,

    /// <summary>Which class has the highest score is read at every one of many positions, most of which may hold nothing.</summary>
    DenseScores,

    /// <summary>Every element counts, and is looked at.</summary>
    Image,
}

/// <summary>Tells kinds of outputs from one another by what a float model gave, since declared shapes are often open.</summary>
internal static class OutputKinds
{
    /// <summary>Smaller planes are features, whatever their channels.</summary>
    private const int SmallestSide = 16;

    public static OutputKind Of(IEnumerable<TensorData> outputs) => outputs.Select(Of).Max();

    public static OutputKind Of(TensorData output)
    {
        if (ClassAxis.AreNumbers(output))
        {
            return output.Type == ElementType.UInt8 && IsImage([.. output.Dimensions]) ? OutputKind.Image
                : ClassAxis.Of(output).IsDense ? OutputKind.DenseScores : OutputKind.ClassScores;
        }

        var elements = output.ToFloats();
        return elements.Length <= 1 ? OutputKind.Other
            : AreDistributions(output, elements) ? ClassAxis.Of(output).IsDense ? OutputKind.DenseScores : OutputKind.ClassScores
            : IsImage([.. output.Dimensions]) ? OutputKind.Image
            : output.Dimensions.Count(length => length > 1) > 1 ? output.Rank is 2 or 3 ? OutputKind.Embedding : OutputKind.Other
            : IsOne(TensorPrimitives.SumOfSquares<float>(elements)) ? OutputKind.Embedding
            : OutputKind.ClassScores;
    }

    /// <summary>One or three channels over a plane.</summary>
    public static bool IsImage(ReadOnlySpan<long> shape) =>
        shape.Length == 4 && ((shape[1] is 1 or 3 && Math.Min(shape[2], shape[3]) >= SmallestSide) || (shape[3] is 1 or 3 && Math.Min(shape[1], shape[2]) >= SmallestSide));

    /// <summary>True where every position has the probabilities of several classes.</summary>
    private static bool AreDistributions(TensorData output, ReadOnlySpan<float> elements)
    {
        var axis = ClassAxis.Of(output);
        if (axis.Classes < 2)
        {
            return false;
        }

        var buffer = new float[axis.Classes];
        for (var position = 0; position < axis.Positions; position++)
        {
            var scores = axis.ScoresAt(position, elements, buffer);
            if (!(TensorPrimitives.Min(scores) >= 0) || !IsOne(TensorPrimitives.Sum(scores)))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsOne(float sum) => Math.Abs(sum - 1) < ClassScores.Tolerance;
}
