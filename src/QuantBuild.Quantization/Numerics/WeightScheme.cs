using QuantBuild.Onnx;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Numerics;

/// <summary>How much of the type weights may use.</summary>
internal enum WeightRange
{
    Full,

    /// <summary>What no pair of products in 16 bits can exceed, see <see cref="WeightQuantization"/>, with the pairs that ONNX Runtime's x64 kernels make.</summary>
    KernelPairs,

    /// <summary>The same with any two weights of a sum for a pair.</summary>
    AnyPair,

    /// <summary>One bit less than the type has.</summary>
    Reduced,
}

/// <summary>
/// What is asked of weights. <paramref name="BlockSize"/> counts the elements of a block along the dimension that is summed over.
/// </summary>
internal sealed record WeightScheme(ElementType Type, bool IsSymmetric, bool IsPowerOfTwo, WeightGranularity Granularity, int BlockSize, WeightRange Range)
{
    /// <summary>The largest magnitude that a symmetric weight may take: 127 of S8 and of U8, whose zero point is 128.</summary>
    public int LargestMagnitude => Range == WeightRange.Reduced
        ? (IntegerTypes.MaxOf(Type) - IntegerTypes.MiddleOf(Type)) / 2
        : IntegerTypes.MaxOf(Type) - IntegerTypes.MiddleOf(Type);

    /// <summary>A symmetric 8- or 16-bit type leaves its lowest value out, so that both ends are alike; 4 bits cannot afford that.</summary>
    public (int Low, int High) Bounds => IsSymmetric && Type.BitsPerElement() > 4
        ? (IntegerTypes.MinOf(Type) + 1, IntegerTypes.MaxOf(Type))
        : (IntegerTypes.MinOf(Type), IntegerTypes.MaxOf(Type));
}
