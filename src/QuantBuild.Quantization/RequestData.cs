using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization;

/// <summary>The samples of a request, divided into those that calibrate and those that judge.</summary>
internal sealed class RequestData
{
    private readonly SampleSet _calibration;
    private readonly SampleSet? _evaluation;
    private readonly QuantizationRequest _request;

    private RequestData(QuantizationRequest request, SampleSet calibration, SampleSet? evaluation, Func<SampleSet, IEnumerable<int>, SampleRun> run)
    {
        _request = request;
        _calibration = calibration;
        _evaluation = evaluation;
        var split = evaluation is null ? SampleSplit.HoldOut(calibration, SampleSplit.DefaultFraction, request.Threads) : null;
        var all = Enumerable.Range(0, calibration.Count);
        Calibration = run(calibration, split?.Kept ?? all);
        (Judged, Source) = evaluation is not null ? (run(evaluation, Enumerable.Range(0, evaluation.Count)), AccuracySource.EvaluationData)
            : split!.HeldOut.IsEmpty ? (run(calibration, all), AccuracySource.CalibrationData)
            : (run(calibration, split.HeldOut), AccuracySource.HeldOutCalibrationData);
        First = Calibration.Samples[0].Read();
    }

    public SampleRun Calibration { get; }

    public SampleRun Judged { get; }

    public AccuracySource Source { get; }

    public Sample First { get; }

    public static RequestData Open(
        QuantizationRequest request, ImmutableArray<InputSpecification> inputs, IProgress<QuantizationProgress>? progress, CancellationToken cancellation)
    {
        var settings = request.Settings;
        if (settings.CalibrationData.IsEmpty)
        {
            throw new QuantBuildException(
                DiagnosticCodes.MissingSetting, $"{request.Model}: CalibrationData is not set. Name samples such as data/calibration/**/*.png: a few hundred that are like those the application will see.");
        }

        SampleSet Open(ImmutableArray<string> patterns) => SampleSet.Open(new(patterns, request.BaseDirectory, inputs, settings.Preprocessing));
        var evaluation = settings.EvaluationData.IsEmpty ? null : Open(settings.EvaluationData);
        return new(request, Open(settings.CalibrationData), evaluation, (samples, indices) => new(SampleRun.Handles(samples, indices), request.Threads, progress, cancellation));
    }

    /// <exception cref="QuantBuildException">The prepared model does not run on a sample.</exception>
    public ModelProfile Profile(Model prepared) => ModelProfile.Of(prepared, Calibration.Samples.Select(handle => handle.Read()));

    public IEnumerable<Diagnostic> Warnings()
    {
        if (_evaluation is not null && SampleOverlap.Find(_calibration, _evaluation, _request.Threads) is { IsEmpty: false } shared)
        {
            yield return new(
                DiagnosticCodes.DataOverlap, $"{_request.Model}: {shared.Length} samples are in CalibrationData and in EvaluationData, the first {shared[0].First.Id} and {shared[0].Second.Id}. Accuracy on samples that calibration saw is too good to be true: keep the two apart.");
        }
    }
}
