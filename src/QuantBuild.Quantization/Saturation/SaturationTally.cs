using System.Numerics.Tensors;

namespace QuantBuild.Quantization.Saturation;

/// <summary>What was seen of a unit over all samples; several threads add to it.</summary>
internal sealed class SaturationTally
{
    private readonly Lock _lock = new();

    public long Sums { get; private set; }

    /// <summary>Sums that are another number on an x64 without VNNI.</summary>
    public long Changed { get; private set; }

    /// <summary>The smallest and the largest activation; the other way round before there was any.</summary>
    public (byte Low, byte High) Activations { get; private set; } = (byte.MaxValue, byte.MinValue);

    public void Add(long sums, long changed, ReadOnlySpan<byte> activations)
    {
        var (low, high) = activations.IsEmpty ? (byte.MaxValue, byte.MinValue) : (TensorPrimitives.Min(activations), TensorPrimitives.Max(activations));
        lock (_lock)
        {
            Sums += sums;
            Changed += changed;
            Activations = (Math.Min(Activations.Low, low), Math.Max(Activations.High, high));
        }
    }
}
