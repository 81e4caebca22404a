using QuantBuild.Onnx;
using QuantBuild.Quantization.Costs;

namespace QuantBuild.Quantization.Planning;

/// <summary>
/// Which forms had better be given up where costs are known: harm is given a price in nanoseconds, and for each price there is a placement with the least sum of
/// time, conversions included, and harm (a Lagrangian relaxation of the fastest placement under a limit on harm). The higher the price, the less harm is left.
/// Other than <see cref="FormLadder"/> it knows of conversions, so that no operator is left INT8 between two that are given up where that does not pay.
/// </summary>
/// <param name="forms">Units that are wanted and those that may take their place.</param>
/// <param name="harm">Of a node in a form, as a share of what the outputs can take; finite.</param>
/// <param name="costs">Of the target.</param>
/// <param name="place">The placement with the least sum, for a price.</param>
internal sealed class HarmCut(IEnumerable<QuantizedUnit> forms, Func<(Node Node, UnitForm Form), double> harm, OperatorCosts costs, Func<double, Placement> place)
{
    /// <summary>From one price to the next; the first is a nanosecond for what the outputs can take, the last a minute.</summary>
    private const double Step = 1.05;

    private const int MostSteps = 512;

    private readonly QuantizedUnit[] _forms = [.. forms.DistinctBy(unit => (unit.Node, unit.Form))];
    private readonly Dictionary<int, Cut> _known = [];

    /// <summary>
    /// Ways to leave no more than <paramref name="most"/>: what is given up at the lowest price that does, and what is at the price before with some more, one
    /// by one. From one price to the next a whole region may go.
    /// </summary>
    public IEnumerable<IReadOnlyList<(Node Node, UnitForm Form)>> GivenUp(double most)
    {
        var (tooLow, enough) = (-1, MostSteps);
        if (At(enough).Harm > most)
        {
            yield break;
        }

        while (enough - tooLow > 1)
        {
            var middle = (tooLow + enough) / 2;
            (tooLow, enough) = At(middle).Harm <= most ? (tooLow, middle) : (middle, enough);
        }

        yield return At(enough).GivenUp;
        if (tooLow >= 0)
        {
            var (_, left, givenUp) = At(tooLow);
            var nodes = left.Select(unit => unit.Node).ToHashSet();
            var lower = _forms.Where(unit => nodes.Contains(unit.Node) && !left.Contains(unit) && !givenUp.Contains((unit.Node, unit.Form)));
            yield return [.. givenUp, .. new FormLadder(left, lower, harm, costs).GivenUp(most)];
        }
    }

    private Cut At(int step)
    {
        if (!_known.TryGetValue(step, out var cut))
        {
            var taken = place(Math.Pow(Step, step)).Units.ToDictionary(unit => unit.Node, unit => unit.Form);
            bool IsTaken(QuantizedUnit unit) => taken.TryGetValue(unit.Node, out var form) && form == unit.Form;

            // What harms less and is not taken for all that is slower: it need not be refused.
            bool IsGivenUp(QuantizedUnit unit) => !taken.TryGetValue(unit.Node, out var form) || harm((unit.Node, unit.Form)) > harm((unit.Node, form));

            QuantizedUnit[] left = [.. _forms.Where(IsTaken)];
            _known[step] = cut = new(left.Sum(unit => harm((unit.Node, unit.Form))), left, [.. _forms.Where(IsGivenUp).Select(unit => (unit.Node, unit.Form))]);
        }

        return cut;
    }

    private sealed record Cut(double Harm, IReadOnlyCollection<QuantizedUnit> Left, IReadOnlyList<(Node Node, UnitForm Form)> GivenUp);
}
