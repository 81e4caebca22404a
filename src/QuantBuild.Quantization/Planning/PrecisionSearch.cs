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

/// <summary>A plan, the model it gives, and each unit's own error in the forms that were looked at.</summary>
internal sealed record PlannedModel(QuantizationPlan Plan, Model Model, ImmutableDictionary<(Node Node, UnitForm Form), UnitError> Errors);

/// <summary>
/// Finds what must not be quantized, or not in its fastest form: forms are given up, those with the lowest SQNR first, until every output of the model
/// keeps enough on samples of the calibration data, or nothing is left. How many is found by bisection.
/// </summary>
internal sealed class PrecisionSearch(Model prepared, OperatorContext context, ImmutableDictionary<string, Observation> observed, SampleRun samples)
{
    /// <summary>Class scores, boxes and embeddings are compared and cut off: 21 dB left their metrics within a point on all models tried.</summary>
    private const double SufficientDb = 21;

    /// <summary>An image is looked at: noise of 42 dB below it costs a PSNR of 32 dB a tenth of a decibel.</summary>
    private const double SufficientDbOfImages = 42;

    /// <summary>A placement that was decided: measured for corrections and the report, but not searched. Where calibration saw nothing, float remains.</summary>
    public PlannedModel Keep(Placement decided)
    {
        var placement = decided.Without(Unobserved(decided));
        var plan = QuantizationPlanner.Plan(placement, context.Form, observed);
        var errors = samples.Count == 0 || plan.Units.IsEmpty ? NoErrors : ErrorsOf(plan);
        plan = plan with { BiasCorrections = Corrections(placement, errors) };
        return new(plan, ModelRewriter.Rewrite(prepared, plan), errors);
    }

    /// <summary>The least that has to be taken from what is wanted.</summary>
    public PlannedModel Find(Placement all)
    {
        var unfit = new FormRefusals(RangeMixing.Find(all, observed).SetItems(Unobserved(all)).ToImmutableDictionary(entry => (entry.Key, UnitForm.Static), entry => entry.Value)).Within(all);
        var placement = Placement.Of(prepared.Graph, context, unfit);
        if (!placement.Units.Any() || samples.Count == 0)
        {
            var plan = QuantizationPlanner.Plan(placement, context.Form, observed);
            return new(plan, ModelRewriter.Rewrite(prepared, plan), NoErrors);
        }

        var errors = Measure(placement, unfit);
        var ranked = errors.OrderBy(entry => entry.Value.SqnrDb).ThenBy(entry => entry.Key.Node.Name, StringComparer.Ordinal).ThenBy(entry => entry.Key.Form).Select(entry => entry.Key).ToArray();
        var reference = new OutputReference(prepared, samples);
        var best = Candidate(ranked.Length);
        var (enough, tooFew) = (ranked.Length, -1);
        // All of it first, then halving what is unknown: to give more back is taken never to make the outputs worse.
        for (var count = 0; enough - tooFew > 1; count = (enough + tooFew) / 2)
        {
            var candidate = Candidate(count);
            if (candidate.Plan.Units.IsEmpty || reference.IsKept(candidate.Model))
            {
                (best, enough) = (candidate, count);
            }
            else
            {
                tooFew = count;
            }
        }

        return best;

        PlannedModel Candidate(int refusedCount)
        {
            var refused = ranked.Take(refusedCount).Aggregate(unfit, (sum, form) => sum.With(form.Node, form.Form, Reason(errors[form])));
            var candidate = Placement.Of(prepared.Graph, context, refused);
            var plan = QuantizationPlanner.Plan(candidate, context.Form, observed) with { BiasCorrections = Corrections(candidate, errors) };
            return new(plan, ModelRewriter.Rewrite(prepared, plan), errors);
        }
    }

    private static ImmutableDictionary<(Node Node, UnitForm Form), UnitError> NoErrors => ImmutableDictionary<(Node, UnitForm), UnitError>.Empty;

    /// <summary>Of every unit in the form that is wanted, and in each that would take its place.</summary>
    private ImmutableDictionary<(Node Node, UnitForm Form), UnitError> Measure(Placement placement, FormRefusals refused)
    {
        for (var errors = NoErrors; ;)
        {
            var plan = QuantizationPlanner.Plan(placement, context.Form, observed);
            var measured = ErrorsOf(plan with { Units = plan.Units.RemoveAll(unit => errors.ContainsKey((unit.Node, unit.Form))) });
            errors = errors.SetItems(measured);
            var replaceable = measured.Keys.Where(entry => OperatorRules.Of(entry.Node)!.MayReturnFloat).ToArray();
            if (context.Costs is null || replaceable.Length == 0)
            {
                return errors;
            }

            refused = replaceable.Aggregate(refused, (sum, entry) => sum.With(entry.Node, entry.Form, "another form is looked at"));
            placement = Placement.Of(prepared.Graph, context, refused);
        }
    }

    private ImmutableDictionary<(Node Node, UnitForm Form), UnitError> ErrorsOf(QuantizationPlan plan) =>
        UnitErrorMeter.Measure(prepared, plan, samples).ToImmutableDictionary(entry => (entry.Key.Node, entry.Key.Form), entry => entry.Value);

    /// <summary>Units of whose activations nothing is known: the samples that calibrate never came to them, or gave them nothing finite.</summary>
    private ImmutableDictionary<Node, string> Unobserved(Placement all)
    {
        var unknown = QuantizationPlanner.QuantizedValues(all).Where(value => observed[value.Name].Range.IsEmpty).ToHashSet();
        return all.Units.Where(unit => unit.Form == UnitForm.Static && unit.Inputs.Concat(unit.Outputs).Any(unknown.Contains))
            .ToImmutableDictionary(unit => unit.Node, _ => "calibration saw no finite value of its input or output");
    }

    private static string Reason(UnitError error) =>
        string.Create(CultureInfo.InvariantCulture, $"quantized it keeps {error.SqnrDb:f1} dB only, too little for the model's outputs");

    /// <summary>For layers with a bias whose channels lie where the meter looked for them.</summary>
    private static ImmutableDictionary<string, ImmutableArray<double>> Corrections(Placement placement, ImmutableDictionary<(Node Node, UnitForm Form), UnitError> errors) => placement.Units
        .Where(unit => unit.Rule is { HasBias: true, ChannelAxis: { } axis } && errors.TryGetValue((unit.Node, unit.Form), out var error)
            && error.ChannelMeans.Length == unit.Node.Input(1)!.Constant!.Dimensions[axis(unit.Node)])
        .ToImmutableDictionary(unit => unit.Node.Output.Name, unit => errors[(unit.Node, unit.Form)].ChannelMeans);

    /// <summary>The float outputs of some samples, to compare candidates with.</summary>
    private sealed class OutputReference
    {
        /// <summary>Smaller planes are features, whatever their channels.</summary>
        private const int SmallestSide = 16;

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
            shape.Length == 4 && ((shape[1] is 1 or 3 && Math.Min(shape[2], shape[3]) >= SmallestSide) || (shape[3] is 1 or 3 && Math.Min(shape[1], shape[2]) >= SmallestSide));

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
