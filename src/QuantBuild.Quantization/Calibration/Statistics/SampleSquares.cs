namespace QuantBuild.Quantization.Calibration.Statistics;

/// <summary>The squares of finite elements, each sample's sum added up exactly, so that the whole does not depend on the order.</summary>
internal readonly record struct SampleSquares(long Elements, ExactSum Sum)
{
    /// <summary>NaN where there is no element.</summary>
    public double RootMeanSquare => Elements == 0 ? double.NaN : Math.Sqrt(Sum.Mean(Elements));

    public static SampleSquares operator +(SampleSquares left, SampleSquares right) => new(left.Elements + right.Elements, left.Sum + right.Sum);

    public static SampleSquares Of(long elements, double squares) => new(elements, ExactSum.Of(squares));
}
