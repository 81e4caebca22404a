namespace QuantBuild.Quantization.Saturation;

/// <summary>Rows of activations times weights, with the zero points of both taken off.</summary>
internal sealed class PairedProduct(PairedWeights weights, OperandValues values, bool saturates)
{
    private readonly int _activationZeroPoint = values.ActivationZeroPoint;
    private readonly int[] _weightZeroPoints = values.WeightZeroPoints;

    /// <summary>Sums so far that saturation changes.</summary>
    public long Changed { get; private set; }

    /// <summary>The sums of one row, filled up with zeros as the weights are, for the channels from <paramref name="channel"/> on.</summary>
    public void Multiply(ReadOnlySpan<byte> row, int channel, Span<int> sums)
    {
        var total = _weightZeroPoints.Length == 0 ? 0 : Total(row) - (weights.Depth * _activationZeroPoint);
        for (var i = 0; i < sums.Length; i++)
        {
            var sum = PairedSum.Of(row, weights.Row(channel + i));
            Changed += sum.Saturated == sum.Exact ? 0 : 1;
            var zeroPoint = _weightZeroPoints.Length == 0 ? 0 : _weightZeroPoints[_weightZeroPoints.Length == 1 ? 0 : channel + i];
            sums[i] = (saturates ? sum.Saturated : sum.Exact) - (_activationZeroPoint * weights.Sums[channel + i]) - (zeroPoint * total);
        }
    }

    private static int Total(ReadOnlySpan<byte> row)
    {
        var total = 0;
        foreach (var activation in row)
        {
            total += activation;
        }

        return total;
    }
}
