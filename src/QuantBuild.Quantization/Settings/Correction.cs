namespace QuantBuild.Quantization.Settings;

/// <summary>What mends quantization without giving anything back to float, each kept only where the error falls on samples that it was not chosen on.</summary>
public enum Correction
{
    /// <summary>Biases make up for the mean error of each channel.</summary>
    Bias,

    /// <summary>Inputs of matrix products that are quantized at run time are divided channel by channel, and the weights multiplied.</summary>
    Smoothing,

    /// <summary>Weights are rounded with the inputs in view, not each to the nearest integer, and the scales of their channels refined.</summary>
    Rounding,

    /// <summary>Weights and biases, layer by layer, make up for what quantizing the layers before them does. Where the noise is that of the weights, with the best effort, or where it is asked for.</summary>
    Reconstruction,

    /// <summary>Channels are divided where they are made and the weights that read them multiplied, so that quiet ones get more steps. Only where it is asked for.</summary>
    Equalization,
}
