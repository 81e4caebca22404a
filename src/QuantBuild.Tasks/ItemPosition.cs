using System.Xml;
using System.Xml.Linq;
using Microsoft.Build.Framework;

namespace QuantBuild.Tasks;

/// <summary>
/// Where an item stands in a project file, counted from 1; 0 where that cannot be told. MSBuild does not tell a task the line
/// of an item, only its file.
/// </summary>
internal sealed class ItemPosition
{
    private const string ItemType = "QuantizeModel";

    private ItemPosition(string file, IXmlLineInfo? element)
    {
        File = file;
        Line = element?.LineNumber ?? 0;

        // The reader points at the name, MSBuild itself at the bracket before it
        Column = element is null ? 0 : element.LinePosition - 1;
    }

    public string File { get; }

    public int Line { get; }

    public int Column { get; }

    /// <summary>
    /// The element that names the item, or one whose wildcards match it, or, where neither can be told because it uses properties
    /// or other items, the first one of the file.
    /// </summary>
    public static ItemPosition Find(string file, ITaskItem item)
    {
        var elements = Elements(file);
        return new ItemPosition(
            file,
            elements.Find(element => Includes(element).Any(include => Same(include, item.ItemSpec)))
            ?? elements.Find(element => Includes(element).Any(include => MatchesWildcards(include, item.ItemSpec)))
            ?? elements.Find(element => Includes(element).Any(include => include.IndexOfAny(['$', '@', '%']) >= 0))
            ?? elements.FirstOrDefault());
    }

    private static List<XElement> Elements(string file)
    {
        try
        {
            return [.. XDocument.Load(file, LoadOptions.SetLineInfo).Descendants()
                .Where(element => element.Name.LocalName == ItemType && element.Attribute("Include") is not null)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or XmlException or ArgumentException)
        {
            return [];
        }
    }

    private static IEnumerable<string> Includes(XElement element) =>
        element.Attribute("Include").Value.Split(';').Select(part => part.Trim()).Where(part => part.Length > 0);

    private static bool Same(string include, string item) => string.Equals(Normal(include), Normal(item), StringComparison.OrdinalIgnoreCase);

    private static bool MatchesWildcards(string include, string item)
    {
        var pattern = Normal(include);
        if (pattern.IndexOfAny(['*', '?']) < 0)
        {
            return false;
        }

        var expression = System.Text.RegularExpressions.Regex.Escape(pattern)
            .Replace(@"\*\*/", "(.*/)?").Replace(@"\*\*", ".*").Replace(@"\*", "[^/]*").Replace(@"\?", "[^/]");
        return System.Text.RegularExpressions.Regex.IsMatch(
            Normal(item), $"^{expression}$", System.Text.RegularExpressions.RegexOptions.IgnoreCase);
    }

    private static string Normal(string path)
    {
        var forward = path.Replace('\\', '/');
        return forward.StartsWith("./", StringComparison.Ordinal) ? forward.Substring(2) : forward;
    }
}
