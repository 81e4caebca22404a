namespace QuantBuild.Quantization.Numerics;

/// <summary>The smallest and the largest value that a tensor was seen to take; empty before any was seen.</summary>
internal readonly record struct TensorRange(float Min, float Max)
{
    public static TensorRange Empty { get; } = new(float.PositiveInfinity, float.NegativeInfinity);

    public bool IsEmpty => !(Min <= Max);

    public TensorRange Union(TensorRange other) => new(Math.Min(Min, other.Min), Math.Max(Max, other.Max));

    /// <summary>Widened so that 0 is a value: padding and ReLU need it exact.</summary>
    public TensorRange IncludingZero() => IsEmpty ? new(0, 0) : new(Math.Min(Min, 0), Math.Max(Max, 0));

    /// <summary>
    /// Both ends rounded to 12 significant bits. Sums of floats differ in their last bits between instruction sets; after
    /// rounding, another processor derives the same parameters.
    /// </summary>
    public TensorRange Rounded() => IsEmpty ? this : new(Round(Min), Round(Max));

    private static float Round(float value)
    {
        if (value == 0 || !float.IsFinite(value))
        {
            return value;
        }

        var unit = Math.ScaleB(1.0, Math.ILogB(value) - 11);
        return (float)(Math.Round(value / unit) * unit);
    }
}
