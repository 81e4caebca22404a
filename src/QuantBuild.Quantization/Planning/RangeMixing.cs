using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;

namespace QuantBuild.Quantization.Planning;

/// <summary>
/// Joins of tensors whose ranges differ too much, as of boxes and scores at a detector's head: under one scale the narrower of them would
/// keep few of its steps.
/// </summary>
internal static class RangeMixing
{
    /// <summary>Of 8 bits at least 5 are left to every input: the common range may be 8 times as wide as its own.</summary>
    private const double LargestRatio = 8;

    /// <summary>The joins that had better stay float, with the reason.</summary>
    public static ImmutableDictionary<Node, string> Find(Placement placement, ImmutableDictionary<string, Observation> observed)
    {
        var mixing = ImmutableDictionary.CreateBuilder<Node, string>();
        foreach (var unit in placement.Units.Where(unit => unit.Rule.Role == OperatorRole.Joining))
        {
            var spans = unit.Inputs.Where(input => observed.ContainsKey(input.Name)).Select(input => observed[input.Name].Range.IncludingZero())
                .Select(range => (double)range.Max - range.Min).Where(span => span > 0).ToArray();
            if (spans.Length > 1 && spans.Max() / spans.Min() > LargestRatio)
            {
                mixing[unit.Node] = string.Create(
                    CultureInfo.InvariantCulture, $"it joins tensors whose ranges differ {spans.Max() / spans.Min():0.#} times, and one scale would serve the narrower badly");
            }
        }

        return mixing.ToImmutable();
    }
}
