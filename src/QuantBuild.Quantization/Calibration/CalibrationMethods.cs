using System.Collections.Frozen;
using System.Collections.Immutable;
using QuantBuild.Quantization.Calibration.Methods;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Calibration;

/// <summary>The table of calibration methods.</summary>
internal static class CalibrationMethods
{
    /// <summary>Those that choose a range from one tensor's statistics: the candidates of the others, which take the first of equally good ones.</summary>
    public static ImmutableArray<TensorMethod> OfOneTensor { get; } =
    [
        new(CalibrationMethodName.MinMax, StatisticsKinds.None, (statistics, _) => MinMaxMethod.Choose(statistics)),
        new(CalibrationMethodName.MeanMinMax, StatisticsKinds.SampleEnds, (statistics, _) => MeanMinMaxMethod.Choose(statistics)),
        new(CalibrationMethodName.Percentile, StatisticsKinds.Histogram, PercentileMethod.Choose),
        new(CalibrationMethodName.Entropy, StatisticsKinds.Histogram, EntropyMethod.Choose),
        new(CalibrationMethodName.Mse, StatisticsKinds.Histogram, MseMethod.Choose),
    ];

    public static FrozenDictionary<CalibrationMethodName, CalibrationMethod> All { get; } = OfOneTensor
        .Select(method => new CalibrationMethod(method.Name, method.Needs, context => Calibrator.Choose(context, method)))
        .Append(new(CalibrationMethodName.Auto, StatisticsKinds.All, AutoMethod.Choose))
        .Append(new(CalibrationMethodName.Uniform, StatisticsKinds.Histogram, UniformMethod.Choose))
        .Append(new(CalibrationMethodName.Global, StatisticsKinds.All, GlobalMethod.Choose))
        .ToFrozenDictionary(method => method.Name);
}
