using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Auditing;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization;

/// <summary>What a user should know of a model that was quantized without an error.</summary>
internal static class ModelWarnings
{
    /// <summary>Of the channels that are asked for: a block and nearly half of another become one where a group goes by the nearest number of blocks.</summary>
    private const double MetByRounding = 2.0 / 3;

    public static IEnumerable<Diagnostic> Of(
        QuantizationRequest request, Model prepared, QuantizationPlan plan, ImmutableDictionary<string, Observation> observed, AuditReport? audit, PruningReport? pruning)
    {
        var path = request.Model;
        if (prepared.Opset < RaiseOpset.Sufficient && RaiseOpset.Obstacle(prepared, RaiseOpset.Sufficient) is { } obstacle)
        {
            yield return new(
                DiagnosticCodes.OpsetNotRaised, $"{path}: opset {prepared.Opset} cannot be raised to {RaiseOpset.Sufficient} because of {obstacle}. Export the model with opset 13 or newer.");
        }

        var infinite = observed.Where(entry => entry.Value.NotFinite > 0).Select(entry => entry.Key).Order(StringComparer.Ordinal).ToArray();
        if (infinite.Length > 0)
        {
            var sample = observed[infinite[0]].FirstNotFinite is { } id ? $" on the sample {id}" : "";
            yield return new(
                DiagnosticCodes.NotFinite, $"{path}: {infinite.Length} {(infinite.Length == 1 ? "tensor" : "tensors")} held NaN or infinite values during calibration, the first '{infinite[0]}'{sample}; they were left out of the ranges. Look at the model and its preprocessing.");
        }

        if (SlowForm(plan) is { } slow)
        {
            yield return new(DiagnosticCodes.SlowForm, $"{path}: {slow}. The choice is kept; leave it out to have what is fast there.");
        }
        else if (audit is not null && AuditWarnings.Concern(plan.Form.Target))
        {
            foreach (var warning in AuditWarnings.Of(path, audit))
            {
                yield return warning;
            }
        }

        if (plan.Units.IsEmpty && !request.PrunesOnly)
        {
            yield return new(
                DiagnosticCodes.NothingQuantized, IsQuantized(prepared)
                    ? $"{path}: the model is quantized already, and nothing else in it is worth quantizing; it is written as it is. Quantize the float model that it was made from."
                    : $"{path}: nothing in the model is worth quantizing, or can be without losing too much; the {(IsPruned(pruning) ? "pruned" : "prepared")} float model is what is written. The report has the reason for each operator.");
        }
    }

    /// <summary>Where an input that was to be folded stays float.</summary>
    public static IEnumerable<Diagnostic> OfInputs(QuantizationRequest request, PlannedModel planned) => planned.FloatInputs.Select(entry => new Diagnostic(
        DiagnosticCodes.InputNotFolded, $"{request.Model}: FoldInput is set, but the input '{entry.Input}' stays float because {entry.Reason}."));

    /// <summary>Where less was pruned than was asked for.</summary>
    public static IEnumerable<Diagnostic> OfPruning(QuantizationRequest request, PruningReport? pruning)
    {
        if (pruning is null)
        {
            return [];
        }

        string?[] less = pruning is { Groups.IsEmpty: true, Layers.IsEmpty: true }
            ? ["nothing can be pruned: the model has no layer whose weights are float constants, as those behind DequantizeLinear are not"]
            : [request.Settings.Channels is { } channels ? LessChannels(request.Settings, channels.Share, pruning) : null, request.Settings.Sparsity is null ? null : LessSparsity(pruning)];
        return less.OfType<string>().Select(what => new Diagnostic(DiagnosticCodes.NothingPruned, $"{request.Model}: {what}."));
    }

    /// <summary>Null where about as many channels are gone as were asked for.</summary>
    private static string? LessChannels(QuantizationSettings settings, double? share, PruningReport pruning)
    {
        if (pruning.Channels == 0)
        {
            return $"no channel of the model can be removed{Example(pruning.Groups.Select(group => (group.Name, group.Reason)))}. The report has the reason for each layer";
        }

        if (share is null)
        {
            return pruning.Removed > 0 ? null
                : $"no channel can go as far as the samples tell: on half of them, of 8 at least, {Limit(settings)} has to be kept with the standard error in reserve; nothing was removed";
        }

        var asked = (int)Math.Round(share.Value * pruning.Channels);
        return pruning.Removed == 0 ? $"Channels asks for {asked} of {pruning.Channels} channels to be removed, and no group can lose so few: groups lose whole blocks of channels. Nothing was removed"
            : pruning.Removed < MetByRounding * asked ? $"Channels asks for {asked} of {pruning.Channels} channels to be removed, and {pruning.Removed} went: groups keep whole blocks of channels, and a fifth of their channels at least"
            : null;
    }

    private static string? LessSparsity(PruningReport pruning) => pruning.Layers.Any(layer => layer.Reason is null) ? null
        : $"no weight of the model was made 0{Example(pruning.Layers.Select(layer => (layer.Name, layer.Reason)))}. The report has the reason for each layer";

    private static string Example(IEnumerable<(string Name, string? Reason)> kept) =>
        kept.FirstOrDefault(entry => entry.Reason is not null) is { Reason: { } reason, Name: var name } ? $"; {name} keeps its own because {reason}" : "";

    /// <summary>In any form: between Q and DQ, with operators on integers, or with weights in blocks.</summary>
    private static bool IsQuantized(Model model) => Bodies.Nodes(model.Graph).Any(node =>
        node.OpType is "QuantizeLinear" or "DequantizeLinear" or "DynamicQuantizeLinear" or "MatMulInteger" or "ConvInteger" or "MatMulNBits" || node.OpType.StartsWith("QLinear", StringComparison.Ordinal));

    private static bool IsPruned(PruningReport? pruning) => pruning is { Removed: > 0 } || (pruning is not null && pruning.Layers.Any(layer => layer.Reason is null));

    private static string Limit(QuantizationSettings settings) => settings.MaxAccuracyDrop is null ? nameof(settings.MinAgreement) : nameof(settings.MaxAccuracyDrop);

    /// <summary>A choice that ONNX Runtime has no fast kernels for on the target; null where it has, or where the model is for other runtimes.</summary>
    private static string? SlowForm(QuantizationPlan plan)
    {
        var form = plan.Form;
        return form.Target == TargetName.Portable || plan.Units.IsEmpty ? null
            : form.IsStatic && !form.HasIntegerKernels ? $"ONNX Runtime has no kernels for activations of {form.Activations.Type.NumPyName()} and weights of {form.Weights.Type.NumPyName()}, and computes in float between Q and DQ"
            : form is { IsStatic: true, Activations.Type: ElementType.Int8, Target: not TargetName.Arm64 } ? "x64 kernels multiply unsigned by signed bytes; signed activations take a detour"
            : !form.IsStatic && plan.Units.Any(unit => unit.Node.Is("Conv"))
                ? form.Format == ModelFormat.Dynamic ? "ONNX Runtime's ConvInteger takes several times as long as Conv" : "ONNX Runtime makes the weights of convolutions float again at every run"
            : null;
    }
}
