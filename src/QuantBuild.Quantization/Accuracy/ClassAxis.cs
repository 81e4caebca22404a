using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>
/// Where the scores of classes lie, if a tensor holds any: on axis 1, or on the last of three; each other place of the tensor is a position with scores of its own. A tensor of
/// integers holds a class's number at each.
/// </summary>
internal readonly record struct ClassAxis(int Classes, int Stride, int Positions)
{
    /// <summary>Fewer positions are no scene of which most is background.</summary>
    private const int ManyPositions = 16;

    /// <summary>True where positions lie side by side in one sample, as those of a plane, of anchors or of a text, and are many.</summary>
    public bool IsDense { get; private init; }

    public static ClassAxis Of(TensorData tensor)
    {
        if (AreNumbers(tensor))
        {
            return new(1, 1, (int)tensor.ElementCount) { IsDense = tensor.Rank > 1 && tensor.ElementCount >= ManyPositions };
        }

        var axis = tensor.Rank is 0 or 1 ? 0 : tensor.Rank == 3 ? 2 : 1;
        var classes = tensor.Rank == 0 ? 1 : (int)tensor.Dimensions[axis];
        var stride = (int)tensor.Dimensions.Skip(axis + 1).Aggregate(1L, (product, length) => product * length);
        var positions = (int)(tensor.ElementCount / Math.Max(classes, 1));
        return new(classes, stride, positions) { IsDense = tensor.Rank > 2 && positions >= ManyPositions };
    }

    public static bool AreNumbers(TensorData tensor) => tensor.Type is ElementType.Int64 or ElementType.Int32 or ElementType.UInt8;

    /// <summary>The index of the first class's score; those of the others follow at distances of <see cref="Stride"/>.</summary>
    public int StartOf(int position) => (position / Stride * Classes * Stride) + (position % Stride);

    /// <summary>The scores of a position; into <paramref name="buffer"/> where they do not lie side by side.</summary>
    public ReadOnlySpan<float> ScoresAt(int position, ReadOnlySpan<float> elements, Span<float> buffer)
    {
        var start = StartOf(position);
        if (Stride == 1)
        {
            return elements.Slice(start, Classes);
        }

        for (var index = 0; index < Classes; index++)
        {
            buffer[index] = elements[start + (index * Stride)];
        }

        return buffer[..Classes];
    }
}
