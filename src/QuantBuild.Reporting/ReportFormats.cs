using System.Collections.Immutable;
using System.Text;

namespace QuantBuild.Reporting;

/// <summary>The table of report forms; a file's extension chooses.</summary>
public static class ReportFormats
{
    public static ImmutableArray<ReportFormat> All { get; } =
    [
        new(".json", ReportJson.Write),
        new(".html", report => Encoding.UTF8.GetBytes(ReportHtml.Write(report))),
        new(".md", report => Encoding.UTF8.GetBytes(ReportMarkdown.Write(report))),
    ];

    /// <summary>Null where no form has the extension of <paramref name="path"/>.</summary>
    public static ReportFormat? Find(string path) =>
        All.FirstOrDefault(format => format.Extension.Equals(Path.GetExtension(path), StringComparison.OrdinalIgnoreCase));

    /// <summary><c>.json, .html or .md</c>, for messages.</summary>
    public static string Extensions => string.Join(", ", All[..^1].Select(format => format.Extension)) + $" or {All[^1].Extension}";
}
