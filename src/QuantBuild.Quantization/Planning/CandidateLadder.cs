using QuantBuild.Onnx;
using QuantBuild.Quantization.Locks;

namespace QuantBuild.Quantization.Planning;

/// <summary>
/// Candidates between all that is wanted and float, one for each amount of harm that the outputs may take. Amounts are counted in steps of about a decibel:
/// 0 is what the outputs should just take, the more the faster.
/// </summary>
/// <param name="harm">Of all that is wanted together.</param>
/// <param name="giveUp">What is given up so that an amount of harm is left.</param>
/// <param name="realize">Makes a model of what is left.</param>
internal sealed class CandidateLadder(double harm, Func<double, IReadOnlyList<(Node Node, UnitForm Form)>> giveUp, Func<IReadOnlyCollection<(Node Node, UnitForm Form)>, PlannedModel> realize)
{
    /// <summary>So little harm stands for none: float is what is left.</summary>
    public const int Fewest = -40;

    /// <summary>From one step to the next the predicted harm changes by this factor.</summary>
    private const double Step = 1.25;

    private readonly Dictionary<string, PlannedModel> _made = [];

    /// <summary>From here on nothing is given up.</summary>
    public int Most { get; } = (int)Math.Ceiling(Math.Log(Math.Max(harm, Step), Step));

    public PlannedModel At(int steps) => Make(GivenUp(steps));

    public IReadOnlyList<(Node Node, UnitForm Form)> GivenUp(int steps) =>
        steps >= Most ? [] : giveUp(steps <= Fewest ? double.NegativeInfinity : Math.Pow(Step, steps));

    /// <summary>The same for the same forms in any order.</summary>
    public static string KeyOf(IEnumerable<(Node Node, UnitForm Form)> forms) => string.Join(' ', forms.Select(form => $"{ModelLock.NameOf(form.Node)}:{form.Form}").Order(StringComparer.Ordinal));

    /// <summary>The same instance for the same forms.</summary>
    public PlannedModel Make(IReadOnlyCollection<(Node Node, UnitForm Form)> givenUp)
    {
        var key = KeyOf(givenUp);
        if (!_made.TryGetValue(key, out var model))
        {
            _made[key] = model = realize(givenUp);
        }

        return model;
    }

    /// <summary>
    /// The most steps that are good enough, where fewer are always as good: steps grow until the answer lies between two of them. <see cref="Fewest"/>
    /// where nothing is.
    /// </summary>
    /// <param name="isGood">Asked once for each model.</param>
    /// <param name="first">Where to begin.</param>
    /// <param name="tooMuch">Known not to be good.</param>
    public int Find(Func<PlannedModel, bool> isGood, int first, int tooMuch)
    {
        var known = new Dictionary<PlannedModel, bool>(ReferenceEqualityComparer.Instance);
        var good = Fewest;
        for (var (steps, stride) = (Math.Min(first, tooMuch - 1), 1); tooMuch - good > 1; stride *= 2)
        {
            var candidate = At(steps);
            if (!known.TryGetValue(candidate, out var isKept))
            {
                known[candidate] = isKept = isGood(candidate);
            }

            if (isKept)
            {
                good = steps;
                steps = Math.Min(steps + stride, (good + tooMuch + 1) / 2);
            }
            else
            {
                tooMuch = steps;
                steps = Math.Max(steps - stride, (good + tooMuch) / 2);
            }
        }

        return good;
    }
}
