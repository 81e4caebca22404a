using System.Text;

namespace QuantBuild.Tool.Inspection;

/// <summary>A title, and rows whose columns are as wide as their widest cell.</summary>
internal static class TextTable
{
    public static void Write(StringBuilder text, string title, IEnumerable<string[]> rows)
    {
        var table = rows.ToArray();
        text.Append('\n').Append(table.Length == 0 ? $"{title}: none" : title).Append('\n');
        foreach (var row in table)
        {
            var cells = row.Select((cell, column) => cell.PadRight(table.Max(other => other[column].Length)));
            text.Append($"  {string.Join("  ", cells)}".TrimEnd()).Append('\n');
        }
    }
}
