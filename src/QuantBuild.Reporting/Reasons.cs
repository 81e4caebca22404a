using System.Globalization;
using System.Text.RegularExpressions;

namespace QuantBuild.Reporting;

/// <summary>Sentences that differ in their numbers alone, as one: <c>it leaves 26.1 to 50.6 dB</c>.</summary>
internal static partial class Reasons
{
    public static string WithoutNumbers(string reason) => Numbers().Replace(reason, "#");

    /// <summary>The first, with the smallest and the largest of all in each place where the numbers are not the same.</summary>
    /// <param name="reasons">The same without their numbers.</param>
    public static string Join(IReadOnlyList<string> reasons)
    {
        var numbers = reasons.Distinct().Select(reason => Numbers().Matches(reason)).ToArray();
        var place = 0;
        return Numbers().Replace(reasons[0], _ =>
        {
            var here = place++;
            string[] inOrder = [.. numbers.Select(matches => matches[here].Value).OrderBy(ValueOf)];
            return inOrder[0] == inOrder[^1] ? inOrder[0] : $"{inOrder[0]} to {inOrder[^1]}";
        });
    }

    private static double ValueOf(string number) => double.Parse(number, NumberStyles.Float | NumberStyles.AllowThousands, CultureInfo.InvariantCulture);

    /// <summary>Those that stand alone: not the 8 of INT8, and no part of a version, a path or a name in quotes.</summary>
    [GeneratedRegex(@"(?<![\w./'])-?\d+(,\d{3})*(\.\d+)?(e[+-]?\d+)?(?![\w/']|[.,]\d)", RegexOptions.IgnoreCase)]
    private static partial Regex Numbers();
}
