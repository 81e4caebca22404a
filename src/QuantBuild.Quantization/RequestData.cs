using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Calibration.Records;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization;

/// <summary>What a request has to calibrate with and to judge by.</summary>
internal sealed class RequestData
{
    /// <summary>Layers are measured, and candidates compared, on one sample of so many: a search runs each several times.</summary>
    private const int ShareMeasured = 8;

    /// <summary>
    /// Of layers' errors where no search follows: they serve biases and the report alone, and with half of the samples the outputs of eleven models kept as
    /// much (.05 dB more on average, .2 less to .5 more each).
    /// </summary>
    private const int ShareMeasuredFast = 16;

    /// <summary>Fewer would say too little of the samples that are to come.</summary>
    private const int FewestMeasured = 8;

    /// <summary>So many samples correct weights, where enough are left to compare candidates on.</summary>
    private const int MostCorrecting = SubsetBounds.MostOfSearch / 2;

    /// <summary>Fewer compare only where there are not twice as many in all.</summary>
    private const int WellCompared = 16;

    /// <summary>One sample of so many proves what the others have chosen.</summary>
    private const int ShareProving = 4;

    private readonly SampleSet? _evaluation;
    private readonly QuantizationRequest _request;

    private RequestData(QuantizationRequest request, CalibrationSource calibration, SampleSet? evaluation, SampleRunner run)
    {
        (_request, Calibration, _evaluation) = (request, calibration, evaluation);
        Calibrating = run(calibration.Used);
        var (correcting, comparing) = Divide(calibration.Measured);
        Measured = run([.. correcting.Take(Math.Max(calibration.Count / ShareMeasured, FewestMeasured))]);
        MeasuredLayers = request.Settings.AccuracyEffort == AccuracyEffort.Fast ? Measured.Take(Math.Max(calibration.Count / ShareMeasuredFast, FewestMeasured)) : Measured;
        (Correcting, Comparing) = (run(correcting), run(comparing));
        (Judged, Source) = evaluation is not null ? (run(SampleRun.Handles(evaluation, Enumerable.Range(0, evaluation.Count))), AccuracySource.EvaluationData)
            : calibration.HeldOut is { IsEmpty: false } heldOut ? (run(heldOut), AccuracySource.HeldOutCalibrationData)
            : (run(calibration.Used), AccuracySource.CalibrationData);
    }

    public CalibrationSource Calibration { get; }

    /// <summary>All samples that calibrate, as far as they are there.</summary>
    public SampleRun Calibrating { get; }

    /// <summary>The samples that ranges and corrections are measured on.</summary>
    public SampleRun Measured { get; }

    /// <summary>Those of them that the errors of layers are measured on.</summary>
    public SampleRun MeasuredLayers { get; }

    /// <summary>The samples that corrections are chosen and proved on: more, since each is looked at once or twice.</summary>
    public SampleRun Correcting { get; }

    /// <summary>
    /// The samples that candidates are compared with the float model on: no correction has seen them, so that none looks better than it is because its weights
    /// were rounded for them. Where there are too few for both, they are the same.
    /// </summary>
    public SampleRun Comparing { get; }

    public SampleRun Judged { get; }

    public AccuracySource Source { get; }

    /// <summary>True of samples of <see cref="Correcting"/>, by their positions, that prove what the others have chosen.</summary>
    public static bool IsProving(int position) => position % ShareProving == ShareProving - 1;

    public static RequestData Open(
        QuantizationRequest request, ImmutableArray<InputSpecification> inputs, IProgress<QuantizationProgress>? progress, CancellationToken cancellation)
    {
        var settings = request.Settings;
        var needsRanges = settings.Format is ModelFormat.Auto or ModelFormat.Qdq or ModelFormat.QOperator;
        if (settings.CalibrationData.IsEmpty && settings.Calibration is null && needsRanges)
        {
            throw new QuantBuildException(
                DiagnosticCodes.MissingSetting, $"{request.Model}: CalibrationData is not set. Name samples such as data/calibration/**/*.png: a few hundred that are like those the application will see.");
        }

        SampleSet Open(ImmutableArray<string> patterns) => SampleSet.Open(new(patterns, request.BaseDirectory, inputs, settings.Preprocessing));
        SampleRun Run(ImmutableArray<SampleHandle> samples) => new(samples, request.Threads, progress, cancellation);
        var evaluation = settings.EvaluationData.IsEmpty ? null : Open(settings.EvaluationData);
        var samples = settings.CalibrationData.IsEmpty ? null : new SampledCalibration(Open(settings.CalibrationData), evaluation is null, request.Threads, Run);
        return new(request, settings.Calibration is { } file
            ? RecordedCalibration.Open(file, request.BaseDirectory, evaluation is null, samples)
            : samples ?? (CalibrationSource)new NoCalibration(evaluation), evaluation, Run);
    }

    public IEnumerable<Diagnostic> Warnings()
    {
        if (_evaluation is not null && Calibration.SharedWith(_evaluation) is { IsEmpty: false } shared)
        {
            yield return new(
                DiagnosticCodes.DataOverlap, $"{_request.Model}: {shared.Length} samples are in CalibrationData and in EvaluationData, the first {shared[0].Own} and {shared[0].Other}. Accuracy on samples that calibration saw is too good to be true: keep the two apart.");
        }
    }

    private static (ImmutableArray<SampleHandle> Correcting, ImmutableArray<SampleHandle> Comparing) Divide(ImmutableArray<SampleHandle> samples)
    {
        var correcting = Math.Max((samples.Length + 1) / 2, Math.Min(MostCorrecting, samples.Length - WellCompared));
        return samples.Length - correcting >= FewestMeasured ? (samples[..correcting], samples[correcting..]) : (samples, samples);
    }
}
