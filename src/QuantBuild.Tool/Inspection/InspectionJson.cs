using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Reports;
using QuantBuild.Reporting;

namespace QuantBuild.Tool.Inspection;

/// <summary>An inspection as one JSON document.</summary>
internal static class InspectionJson
{
    private static readonly InspectionJsonContext Context = new(new JsonSerializerOptions(InspectionJsonContext.Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NewLine = "\n",
    });

    public static string Write(ModelInspection inspection) => JsonSerializer.Serialize(inspection, Context.ModelInspection) + "\n";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, Converters = [typeof(CamelCaseEnumConverter<LeftOverKind>), typeof(JsonStringEnumConverter<ElementType>)])]
[JsonSerializable(typeof(ModelInspection))]
internal sealed partial class InspectionJsonContext : JsonSerializerContext;
