using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration;

/// <summary>Watches one tensor over all samples. Calls may come from several threads; the result does not depend on their order.</summary>
internal abstract class RangeObserver
{
    public abstract TensorRange Range { get; }

    /// <summary>Elements that were NaN or infinite; they are no part of the range.</summary>
    public abstract long NotFinite { get; }

    public abstract void Observe(ReadOnlySpan<float> elements);
}
