using System.Globalization;
using System.Text;
using QuantBuild.Onnx;
using QuantBuild.Reporting;

namespace QuantBuild.Tool.Inspection;

/// <summary>An inspection for people.</summary>
internal static class InspectionText
{
    public static string Write(ModelInspection inspection)
    {
        var text = new StringBuilder();
        var opsets = inspection.Opsets.Select(opset => $"{(opset.Key.Length == 0 ? "onnx" : opset.Key)} {opset.Value}");
        Line(text, $"{inspection.Model}: IR version {inspection.IrVersion}, opset {string.Join(", ", opsets)}{Producer(inspection)}");
        TextTable.Write(text, "inputs", inspection.Inputs.Select(Signature));
        TextTable.Write(text, "outputs", inspection.Outputs.Select(Signature));
        TextTable.Write(text, "operators", inspection.Operators.Select(row => new[]
        {
            row.Count.ToString(CultureInfo.InvariantCulture), row.Domain.Length == 0 ? row.Type : $"{row.Domain}.{row.Type}",
        }));
        TextTable.Write(text, "weights", inspection.Weights.Select(row => new[]
        {
            row.Type.NumPyName(), ReportText.Bytes(row.Bytes), $"{row.Tensors} {ReportText.Plural("tensor", row.Tensors)}, {row.Elements} {(row.Elements == 1 ? "element" : "elements")}",
        }));
        if (inspection.Audit is { } audit)
        {
            TextTable.Write(text, "as ONNX Runtime runs it, on integers", audit.Kernels.OrderByDescending(row => row.Value).ThenBy(row => row.Key, StringComparer.Ordinal)
                .Append(new("QuantizeLinear", audit.Quantize)).Append(new("DequantizeLinear", audit.Dequantize))
                .Select(row => new[] { row.Value.ToString(CultureInfo.InvariantCulture), row.Key }));
            TextTable.Write(text, "left over", audit.LeftOver.Select(row => new[] { row.Operator, row.Reason }));
        }

        return text.ToString();
    }

    private static string Producer(ModelInspection inspection) => inspection.Producer.Length == 0 ? "" : $", made by {inspection.Producer}";

    private static string[] Signature(InspectedValue value) =>
    [
        value.Name,
        $"{value.Type.NumPyName()}[{(value.Shape is null ? "rank open" : string.Join(',', value.Shape.Select(length => length?.ToString(CultureInfo.InvariantCulture) ?? "?")))}]",
    ];

    private static void Line(StringBuilder text, string line) => text.Append(line).Append('\n');
}
