using System.Globalization;
using System.Text;
using System.Text.Json;

namespace QuantBuild.Benchmarks.Operators;

/// <summary>The file that the engine's cost model reads: kind → form → overhead in ns, ns per unit, ns per element written.</summary>
internal sealed record CostTable(string Target, string MeasuredOn, IReadOnlyDictionary<(string Kind, KernelForm Form), CostFit> Kernels)
{
    private const int Digits = 3;

    public string ToJson()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{{\n  \"target\": {Quoted(Target)},\n  \"measuredOn\": {Quoted(MeasuredOn)},\n  \"kernels\": {{\n");
        text.AppendJoin(",\n", Kernels.GroupBy(entry => entry.Key.Kind).OrderBy(group => group.Key, StringComparer.Ordinal).Select(group =>
            $"    {Quoted(group.Key)}: {{ {string.Join(", ", group.Select(entry => (Name: Name(entry.Key.Form), entry.Value)).OrderBy(entry => entry.Name, StringComparer.Ordinal).Select(entry => $"{Quoted(entry.Name)}: [{Numbers(entry.Value)}]"))} }}"));
        return text.Append("\n  }\n}\n").ToString();
    }

    public static string Name(KernelForm form) => JsonNamingPolicy.CamelCase.ConvertName(form.ToString());

    public static string Rounded(double value)
    {
        var digits = value == 0 ? 0 : Math.Max(0, Digits - 1 - (int)Math.Floor(Math.Log10(Math.Abs(value))));
        var unit = Math.Pow(10, value == 0 ? 0 : Math.Max(0, Math.Floor(Math.Log10(Math.Abs(value))) - Digits + 1));
        return (Math.Round(value / unit) * unit is var whole && digits == 0 ? whole : Math.Round(value, Math.Min(digits, 15))).ToString("0.###############", CultureInfo.InvariantCulture);
    }

    private static string Numbers(CostFit fit) => $"{Rounded(fit.Overhead)}, {Rounded(fit.PerUnit)}, {Rounded(fit.PerOutput)}";

    private static string Quoted(string text) => $"\"{JsonEncodedText.Encode(text)}\"";
}
