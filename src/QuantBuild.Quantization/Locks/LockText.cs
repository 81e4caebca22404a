using System.Text;
using System.Text.Json;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Locks;

/// <summary>Reads what a lock file holds, and says in plain words what is wrong with it: people merge and edit these files.</summary>
internal static class LockText
{
    private static readonly string[] Names = [.. new[] { nameof(ModelLock.SchemaVersion), nameof(ModelLock.Model), nameof(ModelLock.ChosenBy), nameof(ModelLock.Settings), nameof(ModelLock.Operators) }.Select(JsonNamingPolicy.CamelCase.ConvertName)];

    /// <exception cref="FormatException">It is no lock; the message says why.</exception>
    public static ModelLock Read(ReadOnlyMemory<byte> content, JsonSerializerOptions options)
    {
        // Editors on Windows begin a file with it
        var text = content.Span.StartsWith(Encoding.UTF8.Preamble) ? content[Encoding.UTF8.Preamble.Length..] : content;
        if (text.Span.Trim(" \t\r\n"u8).IsEmpty)
        {
            throw new FormatException("it is empty");
        }

        try
        {
            CheckMembers(text);
            return JsonSerializer.Deserialize<ModelLock>(text.Span, options)!;
        }
        catch (JsonException exception)
        {
            throw new FormatException($"line {exception.LineNumber + 1}: {ReasonOf(exception)}", exception);
        }
    }

    /// <summary>The version comes first: one that is to come may have other members.</summary>
    private static void CheckMembers(ReadOnlyMemory<byte> text)
    {
        using var document = JsonDocument.Parse(text);
        if (document.RootElement is not { ValueKind: JsonValueKind.Object } root)
        {
            throw new FormatException("it holds no JSON object");
        }

        if (root.TryGetProperty(Names[0], out var given) && given.ValueKind == JsonValueKind.Number && !(given.TryGetInt32(out var version) && version == ModelLock.CurrentSchemaVersion))
        {
            throw new FormatException($"its schemaVersion is {given.GetRawText()}, and this version of QuantBuild reads {ModelLock.CurrentSchemaVersion}");
        }

        foreach (var name in Names)
        {
            if (!root.TryGetProperty(name, out var member) || member.ValueKind == JsonValueKind.Null)
            {
                throw new FormatException($"'{name}' is missing");
            }
        }

        if (root.EnumerateObject().Select(member => member.Name).FirstOrDefault(name => !Names.Contains(name)) is { } unknown)
        {
            throw new FormatException($"'{unknown}' is not known");
        }
    }

    /// <summary>A path is known where a value is of a kind that does not belong there; what is no JSON at all has none.</summary>
    private static string ReasonOf(JsonException exception) => exception.Path switch
    {
        null => "this is not valid JSON",
        var path when path.StartsWith("$.operators.", StringComparison.Ordinal) || path.StartsWith("$.operators[", StringComparison.Ordinal) =>
            $"{path} should be one of {string.Join(", ", Enum.GetNames<UnitForm>().Select(JsonNamingPolicy.CamelCase.ConvertName))}",
        var path => $"{path} should be another kind of value",
    };
}
