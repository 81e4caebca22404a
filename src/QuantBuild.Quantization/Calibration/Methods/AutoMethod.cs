using System.Collections.Immutable;
using QuantBuild.Quantization.Calibration.Search;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Calibration.Methods;

/// <summary>For each tensor the method whose range does least harm to the outputs of the operators that read it.</summary>
internal static class AutoMethod
{
    private const int Passes = 2;

    /// <summary>Of a tensor of which fewer elements were seen nothing is clipped, whatever that does to these: where its tails end is not known yet.</summary>
    private const long FewestElements = 1024;

    private static readonly int Expected = CalibrationMethods.OfOneTensor.Index().Single(entry => entry.Item.Name == CalibrationMethodName.Mse).Index;

    public static ImmutableDictionary<string, Observation> Choose(RangeContext context)
    {
        var candidates = new CandidateRanges(context);
        return candidates.Observed(Best(context, candidates, Errors(context, candidates)));
    }

    /// <summary>See <see cref="ReaderErrorMeter.Measure"/>. Every reader runs once, and once more for each method.</summary>
    public static double[][] Errors(RangeContext context, CandidateRanges candidates)
    {
        var count = Math.Max(1, Passes * context.Measured.PassLength / (CalibrationMethods.OfOneTensor.Length + 1));
        return candidates.Groups.IsEmpty ? [] : new ReaderErrorMeter(context, candidates).Measure(context.Measured.Run.Take(count));
    }

    /// <summary>
    /// The method with the smallest error for each group, the first of equal ones; where none was measured, that which expects the smallest of the tensor itself; and the
    /// first, which clips nothing, where too few elements were seen.
    /// </summary>
    public static int[] Best(RangeContext context, CandidateRanges candidates, double[][] errors) =>
    [
        .. errors.Zip(candidates.Groups, (ofMethods, names) => names.Any(name => context.Statistics[name].Histogram!.Count < FewestElements) ? 0
            : ofMethods.Min() is var least && double.IsFinite(least) ? ofMethods.IndexOf(least)
            : Expected),
    ];
}
