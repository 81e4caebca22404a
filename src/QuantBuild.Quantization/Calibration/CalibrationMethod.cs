using System.Collections.Immutable;
using QuantBuild.Quantization.Calibration.Search;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Calibration;

/// <summary>A row of <see cref="CalibrationMethods"/>: what has to be gathered, and how the ranges of all tensors are chosen.</summary>
internal sealed record CalibrationMethod(
    CalibrationMethodName Name, StatisticsKinds Needs, Func<RangeContext, ImmutableDictionary<string, Observation>> Choose);
