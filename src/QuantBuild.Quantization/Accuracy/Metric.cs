using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>What one sample gave: the float outputs of both models, in the order of the model, and the label if there is one.</summary>
internal sealed record Outcome(TensorData[] Float, TensorData[] Quantized, double? Label);

/// <summary>
/// A row of <see cref="Metrics"/>: the mean over the samples of a value for each model. Without labels the float model is the
/// reference and gets the value of a perfect copy.
/// </summary>
internal sealed record Metric(string Name, bool HigherIsBetter, bool NeedsLabel, Func<Outcome, (double Float, double Quantized)> Score)
{
    /// <summary>Positive when the quantized model is worse, whatever the direction.</summary>
    public double Drop(double reference, double quantized) => HigherIsBetter ? reference - quantized : quantized - reference;
}
