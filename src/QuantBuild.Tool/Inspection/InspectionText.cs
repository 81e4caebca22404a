using System.Globalization;
using System.Text;
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
        Table(text, "inputs", inspection.Inputs.Select(Signature));
        Table(text, "outputs", inspection.Outputs.Select(Signature));
        Table(text, "operators", inspection.Operators.Select(row => new[]
        {
            row.Count.ToString(CultureInfo.InvariantCulture), row.Domain.Length == 0 ? row.Type : $"{row.Domain}.{row.Type}",
        }));
        Table(text, "weights", inspection.Weights.Select(row => new[]
        {
            row.Type, ReportText.Bytes(row.Bytes), $"{row.Tensors} {ReportText.Plural("tensor", row.Tensors)}, {row.Elements} {(row.Elements == 1 ? "element" : "elements")}",
        }));
        if (inspection.Audit is { } audit)
        {
            Table(text, "as ONNX Runtime runs it, on integers", audit.Kernels.OrderByDescending(row => row.Value).ThenBy(row => row.Key, StringComparer.Ordinal)
                .Append(new("QuantizeLinear", audit.Quantize)).Append(new("DequantizeLinear", audit.Dequantize))
                .Select(row => new[] { row.Value.ToString(CultureInfo.InvariantCulture), row.Key }));
            Table(text, "left over", audit.LeftOver.Select(row => new[] { row.Operator, row.Reason }));
        }

        return text.ToString();
    }

    private static string Producer(ModelInspection inspection) => inspection.Producer.Length == 0 ? "" : $", made by {inspection.Producer}";

    private static string[] Signature(InspectedValue value) =>
    [
        value.Name,
        $"{value.Type}[{(value.Shape is null ? "rank open" : string.Join(',', value.Shape.Select(length => length?.ToString(CultureInfo.InvariantCulture) ?? "?")))}]",
    ];

    private static void Table(StringBuilder text, string title, IEnumerable<string[]> rows)
    {
        var table = rows.ToArray();
        Line(text, "");
        Line(text, table.Length == 0 ? $"{title}: none" : title);
        foreach (var row in table)
        {
            var cells = row.Select((cell, column) => cell.PadRight(table.Max(other => other[column].Length)));
            Line(text, $"  {string.Join("  ", cells)}".TrimEnd());
        }
    }

    private static void Line(StringBuilder text, string line) => text.Append(line).Append('\n');
}
