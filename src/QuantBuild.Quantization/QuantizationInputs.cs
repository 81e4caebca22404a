using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Locks;

namespace QuantBuild.Quantization;

/// <summary>
/// Every file that a quantization reads, as absolute paths: what a cached result depends on. The first of
/// <see cref="Model"/> is the model itself, the others are its external data.
/// </summary>
public sealed record QuantizationInputs(ImmutableArray<string> Model, ImmutableArray<string> Calibration, ImmutableArray<string> Evaluation)
{
    /// <summary>The lock file that is followed; empty for none.</summary>
    public ImmutableArray<string> Lock { get; init; } = [];

    public IEnumerable<string> All => [.. Model, .. Calibration, .. Evaluation, .. Lock];

    /// <exception cref="Onnx.Diagnostics.QuantBuildException">The model or the data cannot be used.</exception>
    public static QuantizationInputs Find(QuantizationRequest request)
    {
        var graph = OnnxFile.Read(request.Model).Graph;
        ImmutableArray<InputSpecification> inputs =
        [
            .. graph.Inputs.Where(input => !input.HasConstant)
                .Select(input => new InputSpecification(input.Name, input.DeclaredType, input.DeclaredShape)),
        ];
        return new(
            [Path.GetFullPath(request.Model), .. ExternalData.FilesOf(request.Model)],
            [.. Files(request, request.Settings.CalibrationData, inputs), .. CalibrationFiles(request)],
            Files(request, request.Settings.EvaluationData, inputs))
        {
            Lock = !request.Settings.UpdateLock && ModelLock.FileOf(request) is { } file ? [file] : [],
        };
    }

    private static ImmutableArray<string> CalibrationFiles(QuantizationRequest request) =>
        request.Settings.Calibration is { } file ? [Path.GetFullPath(file, Path.GetFullPath(request.BaseDirectory))] : [];

    private static ImmutableArray<string> Files(
        QuantizationRequest request, ImmutableArray<string> patterns, ImmutableArray<InputSpecification> inputs) =>
        patterns.IsEmpty ? [] : SampleSet.Open(new(patterns, request.BaseDirectory, inputs, request.Settings.Preprocessing)).Files;
}
