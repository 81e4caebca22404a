namespace QuantBuild.Quantization.Numerics;

/// <summary>
/// The sum of a variable over a population, estimated from a sample of it in proportion to another variable whose sum is known (the ratio estimator: Cochran,
/// Sampling Techniques, chapter 6). Where the other is nothing, it is in proportion to the number.
/// </summary>
internal sealed class RatioEstimate
{
    /// <summary>The standard error of what is known well enough: as a share of the sum, 0.4 dB,</summary>
    private const double OfSum = 0.1;

    /// <summary>and as a share of the other's.</summary>
    private const double OfReferences = 0.005;

    private readonly int _count;
    private readonly double _references;

    public RatioEstimate(IEnumerable<(double Value, double Reference)> sample)
    {
        var pairs = sample.ToArray();
        var references = pairs.Sum(pair => pair.Reference);
        _count = pairs.Length;
        _references = double.IsFinite(references) ? references : 0;
        Sum = pairs.Sum(pair => pair.Value);
        var deviations = pairs.Sum(pair => Math.Pow(pair.Value - ShareOf(pair.Reference) * Sum, 2));
        // What is infinite stays so with more samples; one alone tells nothing of its error.
        IsKnown = !double.IsFinite(Sum) || _count != 1 && deviations * _count <= Math.Pow(Math.Max(OfSum * Math.Abs(Sum), OfReferences * _references), 2) * (_count - 1);
    }

    public bool IsEmpty => _count == 0;

    /// <summary>Over the sample.</summary>
    public double Sum { get; }

    /// <summary>Whether its standard error is small, or there is nothing to know.</summary>
    public bool IsKnown { get; }

    /// <summary>Over the population.</summary>
    /// <param name="count">How many it has.</param>
    /// <param name="references">The sum of the other variable.</param>
    public double Total(int count, double references) => _count == count ? Sum : Sum * (_references > 0 && double.IsFinite(references) ? references / _references : (double)count / _count);

    /// <summary>The part of the sum that is expected of one.</summary>
    private double ShareOf(double reference) => _references > 0 ? reference / _references : 1.0 / _count;
}
