namespace QuantBuild.Quantization.Settings;

/// <summary>How many of the channels that can be removed are removed.</summary>
/// <param name="Share">Above 0 and below 1; null for as many as the gate on accuracy allows.</param>
public sealed record ChannelPruning(double? Share)
{
    public const string Automatic = "auto";

    public override string ToString() => Share?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? Automatic;
}

/// <summary>How many of a layer's weights become 0.</summary>
/// <param name="Share">Above 0 and below 1.</param>
/// <param name="GroupSize">In each run of so many weights of a sum <paramref name="Share"/> of them; null for anywhere in a layer.</param>
public sealed record WeightSparsity(double Share, int? GroupSize)
{
    /// <summary>So many of a group stay.</summary>
    public int Kept => GroupSize is { } size ? size - (int)Math.Round(size * Share) : 0;

    public override string ToString() => GroupSize is { } size
        ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Kept}:{size}")
        : Share.ToString(System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>By what it is decided which channels and weights go.</summary>
public enum Saliency
{
    /// <summary>By what the outputs of the layers lose when all that stays makes up for it.</summary>
    SecondOrder,

    /// <summary>By the magnitude of the weights.</summary>
    Magnitude,
}
