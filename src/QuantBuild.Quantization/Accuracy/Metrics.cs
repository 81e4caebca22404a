using System.Collections.Immutable;
using System.Globalization;
using System.Numerics.Tensors;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>The table of metrics.</summary>
internal static class Metrics
{
    public static ImmutableArray<Metric> All { get; } =
    [
        new("top1", true, true, outcome => (Hit(outcome.Float, outcome.Label), Hit(outcome.Quantized, outcome.Label))),
        new("mse", false, true, outcome => (SquaredError(outcome.Float, outcome.Label), SquaredError(outcome.Quantized, outcome.Label))),
        new("agreement", true, false, outcome => (1, Agreement(outcome.Float[0], outcome.Quantized[0]))),
        new("cosine", true, false, outcome => (1, outcome.Float.Zip(outcome.Quantized, Cosine).Average())),
        new("sqnr", true, false, outcome => (UnitError.Perfect, outcome.Float.Zip(outcome.Quantized, Sqnr).Average())),
    ];

    /// <exception cref="QuantBuildException">There is no metric of that name.</exception>
    public static Metric Find(string name) =>
        All.FirstOrDefault(metric => string.Equals(metric.Name, name, StringComparison.OrdinalIgnoreCase))
        ?? throw new QuantBuildException(DiagnosticCodes.InvalidSetting, $"Metric is '{name}'; expected one of {string.Join(", ", All.Select(metric => metric.Name))}.");

    /// <summary>Labels decide; without them, arg-max agreement where the first output looks like class scores, else cosine.</summary>
    public static Metric DefaultFor(bool labelled, bool integerLabels, ImmutableArray<long> firstOutput)
    {
        var classes = firstOutput.IsDefault ? 0 : firstOutput.Aggregate(1L, (product, length) => product * length);
        var looksLikeClasses = !firstOutput.IsDefault && firstOutput.Count(length => length > 1) == 1 && classes > 1;
        return Find(labelled && integerLabels && classes > 1 ? "top1" : labelled ? "mse" : looksLikeClasses ? "agreement" : "cosine");
    }

    private static double Hit(TensorData[] outputs, double? label)
    {
        var scores = outputs[0].ToFloats();
        return label is { } number && number >= 0 && number < scores.Length && double.IsInteger(number)
            ? TensorPrimitives.IndexOfMax<float>(scores) == (int)number ? 1 : 0
            : throw new QuantBuildException(
                DiagnosticCodes.LabelOutOfRange,
                string.Create(CultureInfo.InvariantCulture, $"label {label} is out of range: the model has {scores.Length} classes, so that labels are integers from 0 to {scores.Length - 1}. Mend the label, or set Metric=mse if labels are numbers to predict."));
    }

    private static double SquaredError(TensorData[] outputs, double? label) =>
        outputs[0].ToFloats().Average(value => Math.Pow(value - (label ?? 0), 2));

    /// <summary>The share of positions whose largest score is of the same class; the classes lie on axis 1, or on the last of three.</summary>
    private static double Agreement(TensorData reference, TensorData actual)
    {
        var (expected, got) = (reference.ToFloats(), actual.ToFloats());
        var axis = reference.Rank is 0 or 1 ? 0 : reference.Rank == 3 ? 2 : 1;
        var classes = reference.Rank == 0 ? 1 : (int)reference.Dimensions[axis];
        var inner = (int)reference.Dimensions.Skip(axis + 1).Aggregate(1L, (product, length) => product * length);
        var (equal, positions) = (0, expected.Length / Math.Max(classes, 1));
        for (var position = 0; position < positions; position++)
        {
            var start = (position / inner * classes * inner) + (position % inner);
            equal += Largest(expected, start, classes, inner) == Largest(got, start, classes, inner) ? 1 : 0;
        }

        return positions == 0 ? 1 : (double)equal / positions;
    }

    private static int Largest(float[] scores, int start, int classes, int stride)
    {
        var largest = 0;
        for (var index = 1; index < classes; index++)
        {
            largest = scores[start + (index * stride)] > scores[start + (largest * stride)] ? index : largest;
        }

        return largest;
    }

    private static double Cosine(TensorData reference, TensorData actual)
    {
        var (expected, got) = (reference.ToFloats(), actual.ToFloats());
        var norms = Math.Sqrt(SumOfSquares(expected) * SumOfSquares(got));
        return norms > 0 ? Dot(expected, got) / norms : SumOfSquares(expected) == SumOfSquares(got) ? 1 : 0;
    }

    private static double Sqnr(TensorData reference, TensorData actual)
    {
        var (expected, got) = (reference.ToFloats(), actual.ToFloats());
        var error = new float[expected.Length];
        TensorPrimitives.Subtract(expected, got, error);
        return new UnitError(SumOfSquares(expected), SumOfSquares(error), []).SqnrDb;
    }

    private static double SumOfSquares(float[] values) => TensorPrimitives.SumOfSquares<float>(values);

    private static double Dot(float[] first, float[] second) => TensorPrimitives.Dot<float>(first, second);
}
