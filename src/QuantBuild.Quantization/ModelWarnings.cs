using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Auditing;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization;

/// <summary>What a user should know of a model that was quantized without an error.</summary>
internal static class ModelWarnings
{
    public static IEnumerable<Diagnostic> Of(
        QuantizationRequest request, Model prepared, QuantizationPlan plan, ImmutableDictionary<string, Observation> observed, AuditReport? audit)
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
            yield return new(
                DiagnosticCodes.NotFinite, $"{path}: {infinite.Length} tensors held NaN or infinite values during calibration, the first '{infinite[0]}'; they were left out of the ranges. Look at the model and its preprocessing.");
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
                DiagnosticCodes.NothingQuantized, $"{path}: nothing in the model is worth quantizing, or can be without losing too much; the prepared float model is what is written. The report has the reason for each operator.");
        }
    }

    /// <summary>Where an input that was to be folded stays float.</summary>
    public static IEnumerable<Diagnostic> OfInputs(QuantizationRequest request, PlannedModel planned) => planned.FloatInputs.Select(entry => new Diagnostic(
        DiagnosticCodes.InputNotFolded, $"{request.Model}: FoldInput is set, but the input '{entry.Input}' stays float because {entry.Reason}."));

    /// <summary>Where less was pruned than was asked for.</summary>
    public static IEnumerable<Diagnostic> OfPruning(QuantizationRequest request, PruningReport? pruning)
    {
        var reasons = pruning is null ? [] : pruning.Groups.Select(group => (group.Name, group.Reason)).Concat(pruning.Layers.Select(layer => (layer.Name, layer.Reason))).Where(entry => entry.Reason is not null).ToArray();
        if (pruning is { Removed: 0, Channels: 0 } && request.Settings.Channels is not null)
        {
            yield return Less("no channel of the model can be removed");
        }
        else if (pruning is not null && request.Settings.Channels is { Share: null } && pruning.Removed == 0)
        {
            yield return new(DiagnosticCodes.NothingPruned, $"{request.Model}: no channel can go as far as the samples tell: on half of them, of 8 at least, {Limit(request.Settings)} has to be kept with the standard error in reserve; nothing was removed.");
        }

        if (pruning is not null && request.Settings.Sparsity is not null && pruning.Layers.All(layer => layer.Reason is not null))
        {
            yield return Less("no weight of the model was made 0");
        }

        Diagnostic Less(string what) => new(
            DiagnosticCodes.NothingPruned, $"{request.Model}: {what}{(reasons.Length == 0 ? "" : $"; {reasons[0].Name} keeps its own because {reasons[0].Reason}")}. The report has the reason for each layer.");
    }

    private static string Limit(QuantizationSettings settings) => settings.MaxAccuracyDrop is null ? nameof(settings.MinAgreement) : nameof(settings.MaxAccuracyDrop);

    /// <summary>A choice that ONNX Runtime has no fast kernels for on the target; null where it has, or where the model is for other runtimes.</summary>
    private static string? SlowForm(QuantizationPlan plan)
    {
        var form = plan.Form;
        return form.Target == TargetName.Portable || plan.Units.IsEmpty ? null
            : form.IsStatic && !form.HasIntegerKernels ? $"ONNX Runtime has no kernels for activations of {form.Activations.Type} and weights of {form.Weights.Type}, and computes in float between Q and DQ"
            : form is { IsStatic: true, Activations.Type: ElementType.Int8, Target: not TargetName.Arm64 } ? "x64 kernels multiply unsigned by signed bytes; signed activations take a detour"
            : !form.IsStatic && plan.Units.Any(unit => unit.Node.Is("Conv"))
                ? form.Format == ModelFormat.Dynamic ? "ONNX Runtime's ConvInteger takes several times as long as Conv" : "ONNX Runtime makes the weights of convolutions float again at every run"
            : null;
    }
}
