using System.Collections.Immutable;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>The table of gates, and the only place where a model is judged and a failure is put into words.</summary>
public static class Gates
{
    /// <summary>Above any rounding of a difference of two scores (0.99 − 0.98 exceeds 0.01), below any that a user means.</summary>
    private const double Tolerance = 1e-9;

    public static ImmutableArray<Gate> All { get; } =
    [
        new(
            "MaxAccuracyDrop",
            DiagnosticCodes.AccuracyGateFailed,
            settings => settings.MaxAccuracyDrop,
            report => report.Accuracy is { } accuracy ? JudgedAccuracy.Of(accuracy).Drop : null,
            (report, gate) => GateMessages.AccuracyDrop(report, gate.Limit))
        { Missing = "there is nothing to compare the models on; add EvaluationData, or at least ten calibration samples" },
        new(
            "MinAgreement",
            DiagnosticCodes.AccuracyGateFailed,
            settings => settings.MinAgreement,
            report => report.Accuracy is { } accuracy ? AccuracyLimits.AgreementOf(accuracy) : null,
            (report, gate) => GateMessages.Agreement(report, gate.Limit))
        {
            IsFloor = true,
            Missing = "there is no agreement to judge: the samples have labels, so that MaxAccuracyDrop or Metric decide, or there are none; set Metric to agreement, cosine or sqnr, or add EvaluationData",
        },
        new(
            "MinSpeedup",
            DiagnosticCodes.SpeedGateFailed,
            settings => settings.MinSpeedup,
            report => report.Latency?.Speedup,
            (report, gate) => GateMessages.Speedup(report, gate.Limit))
        { IsFloor = true, Missing = "there is no sample to measure with; add EvaluationData or CalibrationData" },
    ];

    /// <summary>
    /// The report with the gates that <paramref name="settings"/> ask for, in place of those that it had, an error for each that
    /// failed, and warnings where none was asked for.
    /// </summary>
    /// <exception cref="QuantBuildException">A limit is set on something that was not measured.</exception>
    public static QuantizationReport Judge(QuantizationReport report, QuantizationSettings settings)
    {
        var judged = All
            .Where(gate => gate.Limit(settings) is not null)
            .Select(gate => (Gate: gate, Result: Judge(gate, gate.Limit(settings)!.Value, report)))
            .ToImmutableArray();
        ImmutableArray<DiagnosticCode> judgements = [.. All.Select(gate => gate.Failed), .. AccuracyWarnings.Codes, .. LatencyWarnings.Codes];
        return report with
        {
            Gates = [.. judged.Select(item => item.Result)],
            Diagnostics =
            [
                .. report.Diagnostics.Where(diagnostic => !judgements.Contains(diagnostic.Code)),
                .. AccuracyWarnings.Of(report, settings),
                .. LatencyWarnings.Of(report),
                .. judged.Where(item => !item.Result.Passed).Select(item =>
                    new Diagnostic(item.Gate.Failed, $"{report.Model}: {item.Gate.Message(report, item.Result)}")),
            ],
        };
    }

    /// <summary>True where a report that was stored under other limits is of another model than these settings would give, since a search would be made.</summary>
    public static bool IsOutdated(QuantizationReport report, QuantizationSettings settings) =>
        (report.Accuracy is { } accuracy && Metrics.IsOutdated(accuracy.Metric, settings)) || GateSearch.IsStale(report, settings);

    /// <summary>A value that is not a number passes no gate.</summary>
    private static GateReport Judge(Gate gate, double limit, QuantizationReport report) =>
        gate.Value(report) is { } value
            ? new GateReport(gate.Name, limit, value, gate.IsFloor ? value >= limit - Tolerance : value <= limit + Tolerance)
            : throw new QuantBuildException(
                DiagnosticCodes.MissingSetting,
                $"{report.Model}: {gate.Name} is set, but {gate.Missing}.");
}
