using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Costs;
using QuantBuild.Quantization.Locks;

namespace QuantBuild.Quantization.Planning;

/// <summary>
/// Which forms had better be given up: step by step a unit takes another form that harms the outputs less, or float, and a step is a good bargain that takes
/// much harm away for the time it costs. The harm of units adds up, since their errors know nothing of one another.
/// </summary>
internal sealed class FormLadder
{
    /// <summary>A unit that saves no time by itself saves conversions around it: it counts with this share of its time in float.</summary>
    private const double LeastGain = 0.05;

    private readonly ImmutableArray<Step> _steps;

    /// <param name="wanted">The units to begin with.</param>
    /// <param name="alternatives">Forms that some of them may have instead.</param>
    /// <param name="harm">Of a node in a form, as a share of what the outputs can take; finite.</param>
    /// <param name="costs">Null where they are not known: then a step counts by the harm alone.</param>
    public FormLadder(IEnumerable<QuantizedUnit> wanted, IEnumerable<QuantizedUnit> alternatives, Func<(Node Node, UnitForm Form), double> harm, OperatorCosts? costs)
    {
        var others = alternatives.ToLookup(unit => unit.Node);
        var rungs = wanted.Select(unit => new[] { unit }.Concat(others[unit.Node]).Select(one => new Rung(one.Node, one.Form, harm((one.Node, one.Form)), Saving(one, costs))).ToArray()).ToArray();
        var typical = rungs.SelectMany(unit => unit).Average(rung => rung.Saving) ?? 1;
        Harm = rungs.Sum(unit => unit[0].Harm);
        _steps =
        [
            .. rungs.SelectMany(unit => Descend(unit, typical)).OrderByDescending(step => step.Relief / step.Price)
                .ThenBy(step => ModelLock.NameOf(step.Node), StringComparer.Ordinal).ThenByDescending(step => step.Saving),
        ];
    }

    /// <summary>Of all that is wanted together.</summary>
    public double Harm { get; }

    /// <summary>
    /// The forms that are given up so that the harm should be no more than <paramref name="harm"/>: the best bargains first, and then whatever of them is not
    /// needed after all, the dearest first.
    /// </summary>
    public IReadOnlyList<(Node Node, UnitForm Form)> GivenUp(double harm)
    {
        var (left, taken) = (Harm, new List<Step>());
        foreach (var step in _steps.TakeWhile(_ => left > harm))
        {
            taken.Add(step);
            left -= step.Relief;
        }

        foreach (var step in taken.OrderByDescending(step => step.Price).ThenBy(step => ModelLock.NameOf(step.Node), StringComparer.Ordinal).ToArray())
        {
            // Of the steps of one unit only the last can be taken back.
            if (left + step.Relief <= harm && taken.Last(other => other.Node == step.Node) == step)
            {
                taken.Remove(step);
                left += step.Relief;
            }
        }

        return [.. taken.SelectMany(step => step.GivenUp.Select(form => (step.Node, form)))];
    }

    /// <summary>The way of one unit down to float: always to the rung that takes away the most harm for the time, so that each step is a worse bargain.</summary>
    private static IEnumerable<Step> Descend(Rung[] rungs, double typical)
    {
        var (node, current) = (rungs[0].Node, rungs[0]);
        for (var left = rungs.Skip(1).ToList(); ;)
        {
            var (from, below) = (current, left);
            double SavingOf(Rung rung) => rung.Saving ?? typical;
            double Price(Rung? next) => Math.Max(SavingOf(from) - (next is null ? 0 : SavingOf(next)), LeastGain * SavingOf(from));
            double Bargain(Rung? next) => (from.Harm - (next?.Harm ?? 0)) / Price(next);
            var best = below.Where(rung => rung.Harm < from.Harm).OrderByDescending(Bargain).FirstOrDefault();
            if (best is not null && Bargain(best) <= Bargain(null))
            {
                best = null;
            }

            var staying = best is null ? [] : below.Where(rung => rung != best && rung.Harm < best.Harm).ToList();
            yield return new(
                node, [.. below.Append(from).Where(rung => rung != best && !staying.Contains(rung)).Select(rung => rung.Form)],
                from.Harm - (best?.Harm ?? 0), Price(best), SavingOf(from));
            if (best is null)
            {
                yield break;
            }

            (current, left) = (best, staying);
        }
    }

    /// <summary>Nanoseconds against float; null where they are not known.</summary>
    private static double? Saving(QuantizedUnit unit, OperatorCosts? costs) =>
        costs?.Float(unit) is { } inFloat and > 0 && costs.Of(unit, unit.Form) is { } quantized ? Math.Max(inFloat - quantized, LeastGain * inFloat) : null;

    private sealed record Rung(Node Node, UnitForm Form, double Harm, double? Saving);

    /// <param name="Node">The unit's.</param>
    /// <param name="GivenUp">The forms that the unit may no longer have.</param>
    /// <param name="Relief">The harm that goes.</param>
    /// <param name="Price">The time that it costs.</param>
    /// <param name="Saving">What the unit saved before.</param>
    private sealed record Step(Node Node, ImmutableArray<UnitForm> GivenUp, double Relief, double Price, double Saving);
}
