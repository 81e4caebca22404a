using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Numerics;

/// <summary>
/// What is asked of a tensor's parameters: a symmetric one has its zero point in the middle of the type, and
/// <paramref name="IsPowerOfTwo"/> scales are exact shifts, as fixed-point hardware wants them.
/// </summary>
internal sealed record QuantizationScheme(ElementType Type, bool IsSymmetric, bool IsPowerOfTwo);
