using System.Text.Json;
using System.Text.Json.Serialization;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Reporting;

/// <summary>
/// A diagnostic as <c>{ "code": "QB3001", "severity": "error", "message": "…", "helpLink": "…" }</c>; code and message alone
/// are read, the others follow from the table of codes.
/// </summary>
internal sealed class DiagnosticConverter : JsonConverter<Diagnostic>
{
    public override Diagnostic Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        var id = Text(document.RootElement, "code");
        var code = DiagnosticCodes.All.FirstOrDefault(row => row.Id == id)
            ?? throw new JsonException($"There is no diagnostic code '{id}'.");
        return new(code, Text(document.RootElement, "message"));
    }

    public override void Write(Utf8JsonWriter writer, Diagnostic value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        writer.WriteString("code", value.Code.Id);
        writer.WriteString("severity", value.Code.Severity == DiagnosticSeverity.Error ? "error" : "warning");
        writer.WriteString("message", value.Message);
        writer.WriteString("helpLink", value.Code.HelpLink);
        writer.WriteEndObject();
    }

    private static string Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var property)
        && property.ValueKind == JsonValueKind.String
            ? property.GetString()!
            : throw new JsonException($"A diagnostic lacks its {name}.");
}
