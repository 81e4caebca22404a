using System.Text.Json.Serialization;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Reporting;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    Converters =
    [
        typeof(FiniteNumberConverter),
        typeof(DiagnosticConverter),
        typeof(CamelCaseEnumConverter<OperatorDecision>),
        typeof(CamelCaseEnumConverter<AccuracySource>),
        typeof(CamelCaseEnumConverter<LeftOverKind>),
    ])]
[JsonSerializable(typeof(QuantizationReport))]
[JsonSerializable(typeof(AnalysisReport))]
internal sealed partial class ReportJsonContext : JsonSerializerContext;
