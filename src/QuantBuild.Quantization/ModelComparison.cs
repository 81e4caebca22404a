using System.Collections.Immutable;
using System.Diagnostics;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Auditing;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Saturation;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization;

/// <summary>Two models to compare, whoever made them: the same task, the same inputs and outputs.</summary>
public sealed record ComparisonRequest(string Float, string Quantized, string BaseDirectory, QuantizationSettings Settings, int Threads);

/// <summary>Judges a quantized model against its float model, as deployed.</summary>
public static class ModelComparison
{
    /// <exception cref="QuantBuildException">A model, the data or a setting cannot be used.</exception>
    public static QuantizationReport Compare(
        ComparisonRequest request, IProgress<QuantizationProgress>? progress, CancellationToken cancellation)
    {
        var model = OnnxFile.Read(request.Float);
        using var reference = DeployedModels.LoadGiven(model, request.Float);
        var candidate = OnnxFile.Read(request.Quantized);
        using var quantized = DeployedModels.LoadGiven(candidate, request.Quantized);
        EnsureComparable(request, [.. reference.Inputs.Select(input => input.Name)], [.. quantized.Inputs.Select(input => input.Name)], "input");
        EnsureComparable(request, [.. quantized.OutputNames], [.. reference.OutputNames], "output");
        EnsureSamePrecision(request, reference.Inputs, quantized.Inputs);
        using var otherMachine = MachinePrediction.Of(candidate, request.Settings.Target);
        if (request.Settings.EvaluationData.IsEmpty)
        {
            throw new QuantBuildException(DiagnosticCodes.MissingSetting, $"{request.Float}: EvaluationData is not set. Name the samples to compare the models on, such as data/evaluation.");
        }

        var samples = SampleSet.Open(new(request.Settings.EvaluationData, request.BaseDirectory, reference.Inputs, request.Settings.Preprocessing));
        var run = new SampleRun(SampleRun.Handles(samples, Enumerable.Range(0, samples.Count)), request.Threads, progress, cancellation);
        var compared = FloatReference.Of(reference, run, request.Settings);
        var accuracy = compared is null ? null : AccuracyEvaluator.Compare(new(compared, quantized, otherMachine), run, AccuracySource.EvaluationData);
        var report = new QuantizationReport
        {
            Model = request.Float,
            Settings = ReportBuilder.Describe(request.Settings),
            Environment = Machine.Describe(request.Threads),
            Size = new(OnnxFile.LengthOf(request.Float), OnnxFile.LengthOf(request.Quantized)),
            Accuracy = accuracy,
            Saturation = otherMachine?.Units ?? [],
            Latency = ModelLatency.Measure(new(model, PassPipeline.Default.Run(model), candidate, request.Float), samples.Read(0), request.Settings),
            Audit = FusionAudit.Of(candidate),
            PeakMemoryBytes = Process.GetCurrentProcess().PeakWorkingSet64,
        };
        return Gates.Judge(report, request.Settings);
    }

    /// <summary>One model may have inputs and outputs of its own, as long as the quantized one is fed what the float one is, and computes what that does.</summary>
    private static void EnsureComparable(ComparisonRequest request, ImmutableArray<string> offered, ImmutableArray<string> asked, string what)
    {
        if (asked.FirstOrDefault(name => !offered.Contains(name)) is not { } missing)
        {
            return;
        }

        var (lacking, having) = what == "input" ? (request.Float, request.Quantized) : (request.Quantized, request.Float);
        throw new QuantBuildException(
            DiagnosticCodes.ModelsDiffer, $"{lacking}: the model has no {what} '{missing}', as {having} has; it has {string.Join(", ", offered.Select(name => $"'{name}'"))}. What is compared is one model before and after, with the same inputs and outputs.");
    }

    /// <summary>One array is what both are fed. Integers in the place of floats are what folded inputs take, and converted.</summary>
    private static void EnsureSamePrecision(ComparisonRequest request, ImmutableArray<InputSpecification> reference, ImmutableArray<InputSpecification> quantized)
    {
        foreach (var input in quantized.Where(input => IsFloat(input.Type)))
        {
            var given = reference.First(own => own.Name == input.Name).Type;
            if (given != input.Type)
            {
                throw new QuantBuildException(
                    DiagnosticCodes.ModelsDiffer, $"{request.Quantized}: the input '{input.Name}' takes {input.Type.NumPyName()}, and {given.NumPyName()} in {request.Float}. What is compared is one model before and after, with the same inputs and outputs.");
            }
        }
    }

    private static bool IsFloat(ElementType type) => type is ElementType.Float or ElementType.Float16 or ElementType.Double;
}
