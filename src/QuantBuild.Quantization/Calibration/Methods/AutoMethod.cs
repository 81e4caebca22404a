using System.Collections.Immutable;
using QuantBuild.Quantization.Calibration.Search;

namespace QuantBuild.Quantization.Calibration.Methods;

/// <summary>For each tensor the method whose range does least harm to the outputs of the operators that read it.</summary>
internal static class AutoMethod
{
    private const int Passes = 2;

    public static ImmutableDictionary<string, Observation> Choose(RangeContext context)
    {
        var candidates = new CandidateRanges(context);
        return candidates.Observed(Best(Errors(context, candidates)));
    }

    /// <summary>See <see cref="ReaderErrorMeter.Measure"/>. Every reader runs once, and once more for each method.</summary>
    public static double[][] Errors(RangeContext context, CandidateRanges candidates)
    {
        var count = Math.Max(1, Passes * context.Measured.PassLength / (CalibrationMethods.OfOneTensor.Length + 1));
        return candidates.Groups.IsEmpty ? [] : new ReaderErrorMeter(context, candidates).Measure(context.Measured.Run.Take(count));
    }

    /// <summary>The method with the smallest error for each group, the first of equal ones.</summary>
    public static int[] Best(double[][] errors) => [.. errors.Select(group => group.IndexOf(group.Min()))];
}
