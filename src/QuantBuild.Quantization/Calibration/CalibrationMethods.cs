using System.Collections.Frozen;
using System.Collections.Immutable;
using QuantBuild.Quantization.Calibration.Methods;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Calibration;

/// <summary>The table of calibration methods.</summary>
internal static class CalibrationMethods
{
    /// <summary>Those that choose a range from one tensor's statistics.</summary>
    public static ImmutableArray<CalibrationMethod> OfOneTensor { get; } =
    [
        new(CalibrationMethodName.MinMax, StatisticsKinds.None, (statistics, _) => MinMaxMethod.Choose(statistics)),
        new(CalibrationMethodName.MeanMinMax, StatisticsKinds.SampleEnds, (statistics, _) => MeanMinMaxMethod.Choose(statistics)),
        new(CalibrationMethodName.Percentile, StatisticsKinds.Histogram, PercentileMethod.Choose),
        new(CalibrationMethodName.Entropy, StatisticsKinds.Histogram, EntropyMethod.Choose),
        new(CalibrationMethodName.Mse, StatisticsKinds.Histogram, MseMethod.Choose),
    ];

    public static FrozenDictionary<CalibrationMethodName, CalibrationMethod> All { get; } = OfOneTensor.ToFrozenDictionary(method => method.Name);
}
