using System.Collections.Immutable;

namespace QuantBuild.Quantization.Reports;

/// <summary>Which operators suffer, by what each of them does to the outputs of the model.</summary>
/// <param name="Samples">How many samples it was measured on: those whose float outputs are the least certain.</param>
/// <param name="Metric">The metric's name; null where none is set and there are no labels.</param>
/// <param name="Float">The metric of the float model on these samples; null without a metric.</param>
/// <param name="All">The outputs with all operators quantized that are worth it.</param>
/// <param name="Operators">The worst first.</param>
/// <param name="Tensors">The quantized activations.</param>
public sealed record AnalysisReport(
    int Samples, string? Metric, double? Float, OutputErrors All, ImmutableArray<OperatorAnalysis> Operators, ImmutableArray<TensorAnalysis> Tensors);

/// <summary>How far the outputs are from those of the float model.</summary>
/// <param name="SqnrDb">Signal-to-noise ratio of the output that suffers most.</param>
/// <param name="SquaredError">The same as noise by signal, 10^(−dB/10).</param>
/// <param name="Divergence">Mean Kullback–Leibler divergence of class scores, in nats; null where the first output has none.</param>
/// <param name="Metric">Null without a metric.</param>
/// <param name="Samples">How many of the samples it took to know these numbers.</param>
public sealed record OutputErrors(double SqnrDb, double SquaredError, double? Divergence, double? Metric, int Samples);

/// <param name="Name">The operator's.</param>
/// <param name="Type">The operator's.</param>
/// <param name="Form">How it is quantized.</param>
/// <param name="Alone">The outputs when it alone is quantized.</param>
/// <param name="AllBut">The outputs when all others are and it is not; what is gained over <see cref="AnalysisReport.All"/> is what it costs.</param>
/// <param name="WeightSpread">The largest magnitude of a weight channel by the median one; null without weights.</param>
public sealed record OperatorAnalysis(string Name, string Type, OperatorDecision Form, OutputErrors Alone, OutputErrors AllBut, double? WeightSpread);

/// <param name="Name">The tensor's.</param>
/// <param name="Min">The range that is quantized.</param>
/// <param name="Max">Its upper end.</param>
/// <param name="ClippedShare">The share of the calibration data's elements outside of it.</param>
/// <param name="UnusedLevels">The share of the integer's values that no element is rounded to; null where it has more of them than a histogram tells apart.</param>
public sealed record TensorAnalysis(string Name, double Min, double Max, double ClippedShare, double? UnusedLevels);
