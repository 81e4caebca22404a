using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>
/// One limit that a user can set. It is judged from a report alone, so that another limit never asks for another quantization.
/// </summary>
/// <param name="Name">The setting's name, and the gate's in report.json.</param>
/// <param name="Failed">The code of the error where the value misses the limit.</param>
/// <param name="Limit">Null where the user set none.</param>
/// <param name="Value">Null where the report does not hold what the gate needs.</param>
/// <param name="Message">What went wrong, in one line without the model's name.</param>
public sealed record Gate(
    string Name,
    DiagnosticCode Failed,
    Func<QuantizationSettings, double?> Limit,
    Func<QuantizationReport, double?> Value,
    Func<QuantizationReport, GateReport, string> Message)
{
    /// <summary>True where the value must not be below the limit, rather than not above it.</summary>
    public bool IsFloor { get; init; }

    /// <summary>What is to be said where the report does not hold the value.</summary>
    public required string Missing { get; init; }
}
