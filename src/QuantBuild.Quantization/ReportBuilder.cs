using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Planning.Structures;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization;

/// <summary>Puts what the stages found into a report.</summary>
internal sealed class ReportBuilder(PreparedRequest job, PlannedModel planned, IReadOnlyDictionary<Node, RecognizedStructure> structures)
{
    private readonly Dictionary<Node, string> _calls = InlineFunctions.Refusals(job.Model).ToDictionary();

    public QuantizationReport Build(AccuracyReport? accuracy, LatencyReport? latency, long quantizedBytes) => new()
    {
        Model = job.Request.Model,
        Settings = Describe(job.Request.Settings),
        Environment = Machine.Describe(job.Request.Threads),
        Size = new(OnnxFile.LengthOf(job.Request.Model), quantizedBytes),
        Accuracy = accuracy,
        Latency = latency,
        Operators = [.. Bodies.Nodes(job.Model.Graph).Select(Operator)],
        Inputs = [.. IntegerInputs.Of(planned.Model).Meanings.Select(entry => Input(entry.Key, entry.Value))],
        Tensors = [.. planned.Plan.Activations.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => Tensor(entry.Key))],
    };

    private static InputReport Input(string name, IntegerMeaning meaning) => meaning.Scales.Length == 1
        ? new(name, meaning.Type.ToString(), meaning.Scales[0], meaning.ZeroPoints[0])
        : new(name, meaning.Type.ToString(), null, null) { Channels = new(meaning.Axis, [.. meaning.Scales.Select(scale => (double)scale)], meaning.ZeroPoints) };

    public static ImmutableSortedDictionary<string, string> Describe(QuantizationSettings settings)
    {
        var described = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        described["calibrationData"] = string.Join(';', settings.CalibrationData);
        described["evaluationData"] = string.Join(';', settings.EvaluationData);
        described["accuracyEffort"] = settings.AccuracyEffort.ToString();
        described["calibrationMethod"] = settings.RangeMethod.ToString();
        described["calibrationPercentile"] = settings.CalibrationPercentile.ToString(CultureInfo.InvariantCulture);
        described["format"] = settings.Format.ToString();
        described["activationType"] = ModelForm.ActivationTypeOf(settings).ToString();
        described["weightType"] = ModelForm.WeightTypeOf(settings).ToString();
        described["target"] = settings.Target.ToString();
        if (settings.Calibration is { } calibration)
        {
            described["calibration"] = calibration;
        }

        if (settings.MaxAccuracyDrop is { } limit)
        {
            described["maxAccuracyDrop"] = limit.ToString(CultureInfo.InvariantCulture);
        }

        if (settings.MinAgreement is { } agreement)
        {
            described["minAgreement"] = agreement.ToString(CultureInfo.InvariantCulture);
        }

        if (settings.MinSpeedup is { } speedup)
        {
            described["minSpeedup"] = speedup.ToString(CultureInfo.InvariantCulture);
        }

        if (settings.Corrections is { } corrections)
        {
            described["corrections"] = string.Join(';', corrections);
        }

        if (settings.FoldInput)
        {
            described["foldInput"] = bool.TrueString;
        }

        if (settings.Channels is { } channels)
        {
            described["channels"] = channels.ToString();
        }

        if (settings.Sparsity is { } sparsity)
        {
            described["sparsity"] = sparsity.ToString();
        }

        if (settings.Prunes)
        {
            described["saliency"] = settings.Saliency.ToString();
            described["refit"] = settings.Refit.ToString();
        }

        if (settings is { Prunes: true, RefitEpochs: { } epochs })
        {
            described["refitEpochs"] = epochs.ToString(CultureInfo.InvariantCulture);
        }

        return described.ToImmutable();
    }

    private OperatorReport Operator(Node node)
    {
        var name = Bodies.NameOf(node);
        var unit = planned.Plan.Units.FirstOrDefault(unit => unit.Node == node || unit.Activation == node);
        var structure = structures.GetValueOrDefault(node);
        var row = unit is null ? new OperatorReport(name, node.OpType, OperatorDecision.Float, _calls.GetValueOrDefault(node) ?? planned.Plan.Placement.Reasons.GetValueOrDefault(node, "it stays float"), null)
            : unit.Activation == node ? new(name, node.OpType, DecisionOf(unit, planned.Plan.Form), $"part of {unit.Node.OpType}", null)
            : new(name, node.OpType, DecisionOf(unit, planned.Plan.Form), ReasonOf(unit), planned.Errors.TryGetValue((node, unit.Form), out var error) ? Math.Round(error.SqnrDb, 2) : null);
        return structure is null ? row : row with { Reason = unit is { Form: UnitForm.Static } ? row.Reason : Because(row.Reason, structure), Structure = structure.Name };
    }

    /// <summary>What decided, and what it is that makes such operators lose; once where that decided.</summary>
    private static string Because(string reason, RecognizedStructure structure) => reason == structure.Reason ? $"{structure.Name}: {reason}" : $"{reason}; {structure.Name}: {structure.Reason}";

    public static OperatorDecision DecisionOf(QuantizedUnit unit, ModelForm form) => unit.Form switch
    {
        UnitForm.Dynamic => OperatorDecision.Dynamic,
        UnitForm.WeightOnly => OperatorDecision.WeightOnly,
        _ => form.Activations.Type.BitsPerElement() == 8 ? OperatorDecision.Int8 : OperatorDecision.Int16,
    };

    private string ReasonOf(QuantizedUnit unit) =>
        WhyQuantized(unit)
            + (planned.Plan.Reconstructed.Contains(unit.Node) ? $"; its weights{(unit.HasBias ? " and its bias" : "")} make up for what quantizing the layers before it does"
                : planned.Plan.Rounding.ContainsKey((unit.Node, unit.Form)) ? "; its weights are rounded for what its inputs are like" : "")
        + (IsOf(job.Equalized, unit) ? "; its weights are scaled for channels that are equalized" : "")
        + (IsOf(job.Lowered, unit) ? "; its bias takes up what is constant in channels" : "");

    private static bool IsOf(ImmutableHashSet<string> changed, QuantizedUnit unit) => unit.Node.Outputs.Any(output => output is not null && changed.Contains(output.Name));

    private string WhyQuantized(QuantizedUnit unit) => unit switch
    {
        { Rule.Role: OperatorRole.Embedding } => "looks up quantized rows of a table",
        { Form: UnitForm.WeightOnly } => "its weights are quantized, its activations are not",
        { Form: UnitForm.Dynamic } when planned.Plan.SmoothingOf(unit) is { } smoothing => string.Create(
            CultureInfo.InvariantCulture, $"multiplies by constant weights; each run finds the range of its input, whose channels are smoothed before (strength {smoothing.Strength:f2})"),
        { Form: UnitForm.Dynamic } => "multiplies by constant weights; each run finds the range of its input",
        { Rule.Role: OperatorRole.Linear } => "multiplies by constant weights",
        _ => "keeps the activations quantized between quantized operators",
    };

    private TensorReport Tensor(string name)
    {
        var (range, parameters) = (planned.Observed[name].Range.IncludingZero(), planned.Plan.Activations[name]);
        return new(name, range.Min, range.Max, parameters.Scale, parameters.ZeroPoint, planned.Observed[name].Method.ToString());
    }
}
