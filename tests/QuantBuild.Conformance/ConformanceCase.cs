using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Conformance;

/// <summary>A folder with model.onnx and test_data_set_0, … beside it: quantizes the model with these inputs and compares what comes out.</summary>
internal sealed class ConformanceCase(string folder, string name)
{
    /// <summary>These say that the fault is QuantBuild's.</summary>
    private const string OwnCodes = "QB9";

    private const string Data = "test_data_set_*/*.pb";

    private string ModelFile => Path.Combine(folder, "model.onnx");

    /// <param name="settings">Of the quantization, but for the calibration data.</param>
    /// <param name="report">Is told once that ONNX Runtime runs the float model, before that is quantized.</param>
    public CaseResult Check(QuantizationSettings settings, Action<CaseResult> report)
    {
        try
        {
            return Reference() is { } reference ? Compare(reference, settings, report) : Result(Outcome.NotRun, "", "");
        }
        catch (QuantBuildException exception)
        {
            return Result(exception.Code.Id.StartsWith(OwnCodes, StringComparison.Ordinal) ? Outcome.Failed : Outcome.Refused, exception.Code.Id, exception.Message);
        }
#pragma warning disable CA1031 // Whatever else is thrown is a finding, and the next case is to be checked all the same
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return Result(Outcome.Failed, "exception", exception.ToString());
        }
    }

    private CaseResult Result(Outcome outcome, string kind, string detail) => new(name, outcome, kind, detail);

    /// <summary>Null where ONNX Runtime does not take the model or its inputs.</summary>
    private FloatReference? Reference()
    {
        try
        {
            using var model = InferenceModel.Load(File.ReadAllBytes(ModelFile), Optimization.AsDeployed);
            var samples = SampleSet.Open(new([Data], folder, model.Inputs, ImagePreprocessing.FromModel));
            ImmutableArray<SampleInputs> inputs = [.. Enumerable.Range(0, samples.Count).Select(index => samples.Read(index).Inputs)];
            string[] names = [.. model.OutputNames];
            return new(Signature(model), names, inputs, [.. inputs.Select(sample => model.Run(sample, names))], [.. inputs.Select(sample => model.Run(sample, names))]);
        }
        catch (InferenceException)
        {
            return null;
        }
    }

    private CaseResult Compare(FloatReference reference, QuantizationSettings settings, Action<CaseResult> report)
    {
        report(Result(Outcome.Run, "", ""));
        var result = ModelQuantizer.Quantize(
            new(ModelFile, folder, settings with { CalibrationData = [Data] }, 1) { MeasuresLatency = false }, null, CancellationToken.None);
        using var quantized = InferenceModel.Load(result.Model.ToArray(), Optimization.AsDeployed);
        if (Signature(quantized) is var signature && signature != reference.Signature)
        {
            return Result(Outcome.Failed, "signature", $"{reference.Signature} became {signature}");
        }

        foreach (var (index, inputs) in reference.Inputs.Index())
        {
            var outputs = quantized.Run(inputs, reference.Names);
            var differences = reference.Outputs[index].Zip(outputs, (expected, actual) => OutputComparison.Difference(expected, actual, !reference.IsRandom));
            if (differences.FirstOrDefault(difference => difference is not null) is var (kind, detail))
            {
                return Result(Outcome.Failed, kind, detail);
            }
        }

        return Result(Outcome.Passed, result.Report.Operators.Any(row => row.Decision != OperatorDecision.Float) ? CaseResult.Quantized : "", "");
    }

    /// <summary>Names, types and shapes of all inputs and outputs.</summary>
    private static string Signature(InferenceModel model) => string.Join("; ", model.Inputs.Concat(model.Outputs).Select(value =>
        $"{value.Name}: {value.Kind} {value.Type} {value.Shape}"));

    /// <summary>What the float model made of the inputs, twice: operators with random results make something else each time.</summary>
    private sealed record FloatReference(
        string Signature, string[] Names, ImmutableArray<SampleInputs> Inputs, ImmutableArray<TensorData[]> Outputs, ImmutableArray<TensorData[]> Again)
    {
        public bool IsRandom { get; } = Outputs.SelectMany(outputs => outputs).Zip(Again.SelectMany(outputs => outputs))
            .Any(pair => pair.First is not null && !OutputComparison.AreSame(pair.First, pair.Second));
    }
}
