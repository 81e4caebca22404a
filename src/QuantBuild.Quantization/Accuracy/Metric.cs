using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>What one sample gave: the outputs of the float model that are compared and of the one that is judged, in the order of the model, and the label if there is one.</summary>
internal sealed record Outcome(TensorData[] Reference, TensorData[] Actual, double? Label);

/// <summary>A row of <see cref="Metrics"/>: a value for each sample, of which the mean counts.</summary>
/// <param name="Name">What users call it.</param>
/// <param name="HigherIsBetter">False for errors.</param>
/// <param name="Score">Of <see cref="Outcome.Actual"/>; only metrics of agreement look at <see cref="Outcome.Reference"/>.</param>
internal sealed record Metric(string Name, bool HigherIsBetter, Func<Outcome, double> Score)
{
    /// <summary>The float model's own value where it is the reference itself; null where labels judge both models.</summary>
    public double? Perfect { get; init; }

    /// <summary>How much agreement is enough for outputs of a kind, where nobody has set a limit.</summary>
    public Func<OutputKind, double>? Sufficient { get; init; }

    public bool NeedsLabel => Perfect is null;

    /// <summary>Positive when the quantized model is worse, whatever the direction.</summary>
    public double Drop(double reference, double quantized) => HigherIsBetter ? reference - quantized : quantized - reference;
}
