namespace QuantBuild.Quantization.Numerics;

/// <summary>The values that each element of quantized weights can take: its scale and zero point and the ends of the type.</summary>
internal sealed class WeightGrid
{
    private readonly QuantizationParameters _parameters;
    private readonly Func<int, int> _group;
    private readonly (int Low, int High) _bounds;

    public WeightGrid(QuantizedWeights weights, WeightScheme scheme)
    {
        _parameters = weights.Parameters;
        _group = _parameters.Granularity.GroupOf(weights.Elements.Dimensions);
        _bounds = scheme.Bounds;
    }

    /// <summary>The number of the scale that an element has.</summary>
    public int GroupOf(int element) => _group(element);

    public WeightStep At(int element)
    {
        var group = _group(element);
        return new(_parameters.Scales[group], _parameters.ZeroPoints[group], _bounds.Low, _bounds.High);
    }
}

/// <summary>The grid of one weight.</summary>
internal readonly record struct WeightStep(float Scale, int ZeroPoint, int Low, int High)
{
    /// <summary>So near to an integer there is nothing to choose: the other neighbour would be a whole step away.</summary>
    private const double Exact = 1e-3;

    /// <summary>Of the two integers that a weight lies between, the one that comes nearest to what it had better be.</summary>
    public int Choose(float weight, double target)
    {
        var position = weight / (double)Scale;
        var (below, above) = (Math.Floor(position + Exact), Math.Ceiling(position - Exact));
        return (int)Math.Clamp(Math.Clamp(Math.Round(target / Scale, MidpointRounding.ToEven), below, above) + ZeroPoint, Low, High);
    }

    public double ValueOf(int integer) => (integer - ZeroPoint) * (double)Scale;
}
