using System.Text.Encodings.Web;
using System.Text.Json;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Reporting;

/// <summary>
/// report.json, whose names are a contract. The same report always gives the same bytes; a number that is not finite is null,
/// because JSON has no word for it.
/// </summary>
public static class ReportJson
{
    private static readonly ReportJsonContext Context = new(new JsonSerializerOptions(ReportJsonContext.Default.Options)
    {
        // Paths and operator names stay readable; the text is never embedded in HTML
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NewLine = "\n",
    });

    /// <summary>UTF-8 without a byte order mark, ending in a line feed.</summary>
    public static byte[] Write(QuantizationReport report) =>
        [.. JsonSerializer.SerializeToUtf8Bytes(report, Context.QuantizationReport), (byte)'\n'];

    /// <summary>An analysis alone, as it is in a report.</summary>
    public static byte[] Write(AnalysisReport analysis) =>
        [.. JsonSerializer.SerializeToUtf8Bytes(analysis, Context.AnalysisReport), (byte)'\n'];

    /// <summary>Null where the bytes are not a report, or one of another schema version: a cache takes that as a miss.</summary>
    public static QuantizationReport? Read(ReadOnlySpan<byte> json)
    {
        try
        {
            var report = JsonSerializer.Deserialize(json, Context.QuantizationReport);
            return report?.SchemaVersion == QuantizationReport.CurrentSchemaVersion ? report : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
