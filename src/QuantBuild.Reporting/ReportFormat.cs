using QuantBuild.Quantization.Reports;

namespace QuantBuild.Reporting;

/// <summary>A form of the report: a row of <see cref="ReportFormats"/>.</summary>
public sealed record ReportFormat(string Extension, Func<QuantizationReport, byte[]> Render);
