using System.Globalization;
using System.Text;
using System.Text.Json;

namespace QuantBuild.Benchmarks.Operators;

/// <summary>The file that the engine's cost model reads: kind → form → overhead in ns, ns per unit, ns per element written.</summary>
internal sealed record CostTable(string Target, string MeasuredOn, IReadOnlyDictionary<(string Kind, KernelForm Form), CostFit> Kernels)
{
    private const int Digits = 3;
    private const string KernelsName = "kernels";

    /// <summary>The kernels of a table that was written before.</summary>
    public static Dictionary<(string Kind, KernelForm Form), CostFit> Read(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        return document.RootElement.GetProperty(KernelsName).EnumerateObject()
            .SelectMany(kind => kind.Value.EnumerateObject().Select(form => (Key: (kind.Name, Enum.Parse<KernelForm>(form.Name, ignoreCase: true)), form.Value)))
            .ToDictionary(entry => entry.Key, entry => new CostFit(entry.Value[0].GetDouble(), entry.Value[1].GetDouble(), entry.Value[2].GetDouble()));
    }

    public string ToJson()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{{\n  \"target\": {Quoted(Target)},\n  \"measuredOn\": {Quoted(MeasuredOn)},\n  {Quoted(KernelsName)}: {{\n");
        text.AppendJoin(",\n", Kernels.GroupBy(entry => entry.Key.Kind).OrderBy(group => group.Key, StringComparer.Ordinal).Select(group =>
            $"    {Quoted(group.Key)}: {{ {string.Join(", ", group.Select(entry => (Name: Name(entry.Key.Form), entry.Value)).OrderBy(entry => entry.Name, StringComparer.Ordinal).Select(entry => $"{Quoted(entry.Name)}: [{Numbers(entry.Value)}]"))} }}"));
        return text.Append("\n  }\n}\n").ToString();
    }

    public static string Name(KernelForm form) => JsonNamingPolicy.CamelCase.ConvertName(form.ToString());

    public static string Rounded(double value)
    {
        var exponent = value == 0 ? 0 : (int)Math.Floor(Math.Log10(Math.Abs(value))) - Digits + 1;
        var unit = Math.Pow(10, Math.Abs(exponent));
        return (exponent > 0 ? Math.Round(value / unit) * unit : Math.Round(value * unit) / unit).ToString("0.###############", CultureInfo.InvariantCulture);
    }

    private static string Numbers(CostFit fit) => $"{Rounded(fit.Overhead)}, {Rounded(fit.PerUnit)}, {Rounded(fit.PerOutput)}";

    private static string Quoted(string text) => $"\"{JsonEncodedText.Encode(text)}\"";
}
