using System.Text;

namespace QuantBuild.Data.Formats;

/// <summary>Comma-separated values after RFC 4180: quoted fields may hold commas, doubled quotes and line breaks.</summary>
internal static class CsvRecords
{
    /// <summary>The records that are not blank, with the number of the line on which each starts.</summary>
    public static IEnumerable<(int Line, List<string> Fields)> Read(TextReader reader)
    {
        var line = 0;
        while (reader.ReadLine() is { } text)
        {
            var start = ++line;
            while (HasOpenQuote(text) && reader.ReadLine() is { } next)
            {
                text += "\n" + next;
                line++;
            }

            if (!string.IsNullOrWhiteSpace(text))
            {
                yield return (start, Split(text));
            }
        }
    }

    private static bool HasOpenQuote(string text) => text.Count(letter => letter == '"') % 2 == 1;

    private static List<string> Split(string text)
    {
        var fields = new List<string>();
        var field = new StringBuilder();
        var isQuoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '"')
            {
                if (isQuoted && i + 1 < text.Length && text[i + 1] == '"')
                {
                    field.Append(text[i++]);
                }
                else
                {
                    isQuoted = !isQuoted;
                }
            }
            else if (text[i] == ',' && !isQuoted)
            {
                fields.Add(field.ToString().Trim());
                field.Clear();
            }
            else
            {
                field.Append(text[i]);
            }
        }

        fields.Add(field.ToString().Trim());
        return fields;
    }
}
