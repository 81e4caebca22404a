using System.Collections.Frozen;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Calibration;

/// <summary>The table of calibration methods: how an observer for one tensor is made.</summary>
internal static class CalibrationMethods
{
    public static FrozenDictionary<CalibrationMethodName, Func<RangeObserver>> All { get; } =
        new Dictionary<CalibrationMethodName, Func<RangeObserver>>
        {
            [CalibrationMethodName.MinMax] = () => new MinMaxObserver(),
        }.ToFrozenDictionary();
}
