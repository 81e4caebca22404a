using System.Globalization;
using System.Text;
using QuantBuild.Quantization.Reports;
using QuantBuild.Reporting;

namespace QuantBuild.Tool.Inspection;

/// <summary>An analysis for people.</summary>
internal static class AnalysisText
{
    public static string Write(string model, AnalysisReport analysis)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{model}: {analysis.Samples} {ReportText.Plural("sample", analysis.Samples)}; all together {Errors(analysis.All, analysis)}");
        text.Append(analysis.Float is { } value ? $" (float: {analysis.Metric} {ReportText.Score(value)})\n" : "\n");
        TextTable.Write(text, "operators: the outputs when it alone is quantized, and when all but it are", analysis.Operators.Select(row => new[]
        {
            row.Name, row.Type, row.Form.ToString(), Errors(row.Alone, analysis), Errors(row.AllBut, analysis), row.WeightSpread is { } spread ? $"weights {ReportText.Factor(spread)}" : "",
        }));
        TextTable.Write(text, "activations", analysis.Tensors.OrderByDescending(row => row.UnusedLevels).Select(row => new[]
        {
            row.Name, $"{Number(row.Min)} … {Number(row.Max)}", $"{Percent(row.ClippedShare)} clipped", row.UnusedLevels is { } unused ? $"{Percent(unused)} of the levels unused" : "",
        }));
        return text.ToString();
    }

    private static string Errors(OutputErrors errors, AnalysisReport analysis) => string.Join(
        ", ",
        new[]
        {
            ReportText.Decibels(errors.SqnrDb),
            errors.Divergence is { } divergence ? string.Create(CultureInfo.InvariantCulture, $"KL {divergence:0.0e+0}") : null,
            errors.Metric is { } metric ? $"{analysis.Metric} {ReportText.Score(metric)}" : null,
        }.OfType<string>());

    private static string Number(double value) => value.ToString("0.####", CultureInfo.InvariantCulture);

    private static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{100 * share:0.##} %");
}
