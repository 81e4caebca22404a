using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Rewriting;

namespace QuantBuild.Quantization.Planning;

/// <summary>A plan, the model it gives, and each unit's own error under the plan for everything INT8.</summary>
internal sealed record PlannedModel(QuantizationPlan Plan, Model Model, ImmutableDictionary<Node, UnitError> Errors);

/// <summary>
/// Finds what must stay float: linear operators are given back, those with the lowest SQNR first, until every output of the model keeps
/// enough on samples of the calibration data, or nothing is left.
/// </summary>
internal sealed class PrecisionSearch(Model prepared, ModelProfile profile, ImmutableDictionary<string, Observation> observed, SampleRun samples)
{
    /// <summary>Class scores, boxes and embeddings are compared and cut off: 20 dB left their metrics within a point on all models tried.</summary>
    private const double SufficientDb = 20;

    /// <summary>An image is looked at: noise of 36 dB below it is what its PSNR shows first.</summary>
    private const double SufficientDbOfImages = 36;

    /// <summary>Each rung refuses the operators that keep less than this.</summary>
    private static readonly ImmutableArray<double> Rungs = [double.NegativeInfinity, 15, 20, 25, 30, 35, 40, double.PositiveInfinity];

    public PlannedModel Find()
    {
        var placement = Placement.OfAll(prepared, profile);
        if (!placement.Units.Any())
        {
            return new(QuantizationPlanner.Plan(placement, observed), prepared, ImmutableDictionary<Node, UnitError>.Empty);
        }

        var whole = QuantizationPlanner.Plan(placement, observed);
        var errors = UnitErrorMeter.Measure(prepared, whole, samples).ToImmutableDictionary(entry => entry.Key.Node, entry => entry.Value);
        var reference = new OutputReference(prepared, samples);
        PlannedModel? candidate = null;
        foreach (var rung in Rungs)
        {
            var refused = errors.Where(entry => entry.Value.SqnrDb < rung && OperatorRules.Of(entry.Key)!.Role == OperatorRole.Linear)
                .ToImmutableDictionary(entry => entry.Key, entry => Reason(entry.Value));
            if (candidate is not null && refused.Count == 0)
            {
                continue;
            }

            var plan = QuantizationPlanner.Plan(Placement.Of(prepared.Graph, profile, refused), observed) with { BiasCorrections = Corrections(errors) };
            candidate = new(plan, QdqRewriter.Rewrite(prepared, plan), errors);
            if (plan.Units.IsEmpty || reference.IsKept(candidate.Model))
            {
                break;
            }
        }

        return candidate!;
    }

    private static string Reason(UnitError error) =>
        string.Create(CultureInfo.InvariantCulture, $"in INT8 it keeps {error.SqnrDb:f1} dB only, too little for the model's outputs");

    /// <summary>For layers with a bias whose channels lie where the meter looked for them.</summary>
    private static ImmutableDictionary<string, ImmutableArray<double>> Corrections(ImmutableDictionary<Node, UnitError> errors) => errors
        .Where(entry => OperatorRules.Of(entry.Key) is { HasBias: true, ChannelAxis: { } axis } && entry.Value.ChannelMeans.Length == entry.Key.Input(1)!.Constant!.Dimensions[axis(entry.Key)])
        .ToImmutableDictionary(entry => entry.Key.Output.Name, entry => entry.Value.ChannelMeans);

    /// <summary>The float outputs of some samples, to compare candidates with.</summary>
    private sealed class OutputReference
    {
        private readonly SampleRun _samples;
        private readonly string[] _names;
        private readonly float[][][] _outputs;
        private readonly ConcurrentBag<int> _images = [];

        public OutputReference(Model model, SampleRun samples)
        {
            _samples = samples;
            _names = [.. model.Graph.Outputs.Select(output => output.Name)];
            _outputs = Outputs(model);
        }

        /// <summary>True where every output, over all samples, has the SQNR that its kind needs.</summary>
        public bool IsKept(Model candidate)
        {
            var outputs = Outputs(candidate);
            return _names.Index().All(entry => Enumerable.Range(0, _samples.Count)
                .Where(sample => _outputs[sample][entry.Index].Length > 0)
                .Select(sample => Energies(_outputs[sample][entry.Index], outputs[sample][entry.Index]))
                .Aggregate(new UnitError(0, 0, []), (sum, energies) => new(sum.Signal + energies.Signal, sum.Noise + energies.Noise, [])).SqnrDb
                >= (_images.Contains(entry.Index) ? SufficientDbOfImages : SufficientDb));
        }

        /// <summary>One or three channels over a plane.</summary>
        private static bool IsImage(ReadOnlySpan<long> shape) =>
            shape.Length == 4 && ((shape[1] is 1 or 3 && shape[2] > 1 && shape[3] > 1) || (shape[3] is 1 or 3 && shape[1] > 1 && shape[2] > 1));

        private static (double Signal, double Noise) Energies(float[] reference, float[] actual)
        {
            var error = new float[reference.Length];
            TensorPrimitives.Subtract(reference, actual, error);
            return (TensorPrimitives.SumOfSquares<float>(reference), TensorPrimitives.SumOfSquares<float>(error));
        }

        private float[][][] Outputs(Model model)
        {
            var outputs = new float[_samples.Count][][];
            using var session = InferenceModel.Load(model, Optimization.Full);
            _samples.ForEach("Comparing outputs", (position, sample) =>
            {
                var values = _names.Select(_ => Array.Empty<float>()).ToArray();
                session.Run(sample.Inputs, _names, (index, type, shape, bytes) =>
                {
                    values[index] = type == ElementType.Float ? MemoryMarshal.Cast<byte, float>(bytes).ToArray() : [];
                    if (IsImage(shape))
                    {
                        _images.Add(index);
                    }
                });
                outputs[position] = values;
            });
            return outputs;
        }
    }
}
