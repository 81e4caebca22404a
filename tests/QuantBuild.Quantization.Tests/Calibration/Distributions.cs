using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Calibration;

/// <summary>Elements to calibrate with, and what a method makes of them.</summary>
internal static class Distributions
{
    public static float[] Normal(int count, double mean = 0, double deviation = 1)
    {
        var random = new Random(11);
        return [.. Enumerable.Range(0, count).Select(_ =>
            (float)(mean + (deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()))))];
    }

    /// <summary>Each of these is what one sample brought.</summary>
    public static TensorStatistics Statistics(params float[][] samples)
    {
        var observer = new TensorObserver(StatisticsKinds.All);
        var counter = new HistogramCounter();
        foreach (var sample in samples)
        {
            observer.Observe(sample, counter);
        }

        return observer.Statistics;
    }

    public static TensorRange Range(CalibrationMethodName method, double percentile, params float[][] samples) =>
        CalibrationMethods.OfOneTensor.Single(row => row.Name == method).RangeOf(Statistics(samples), new(percentile));

    public static TensorRange Range(CalibrationMethodName method, params float[][] samples) => Range(method, 99.999, samples);
}
