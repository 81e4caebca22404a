namespace QuantBuild.Quantization.Settings;

/// <summary>What is done for a gate on accuracy.</summary>
public enum AccuracyEffort
{
    /// <summary>Where the gate fails, operators are given back to safer forms until it passes.</summary>
    Balanced,

    /// <summary>Everything is quantized that is faster for it: the gate judges, and nothing is searched for it or for the outputs.</summary>
    Fast,

    /// <summary>As Balanced; and where the gate passes, what was given back for the sake of the outputs is taken again as far as it still passes.</summary>
    Best,
}
