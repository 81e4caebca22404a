using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration.Statistics;

/// <summary>The ends of the samples' own ranges, added up. A sample without a finite element does not count.</summary>
internal readonly record struct SampleEnds(long Samples, ExactSum Mins, ExactSum Maxs)
{
    public static SampleEnds operator +(SampleEnds left, SampleEnds right) =>
        new(left.Samples + right.Samples, left.Mins + right.Mins, left.Maxs + right.Maxs);

    public static SampleEnds Of(TensorRange sample) =>
        sample.IsEmpty ? default : new(1, ExactSum.Of(sample.Min), ExactSum.Of(sample.Max));
}
