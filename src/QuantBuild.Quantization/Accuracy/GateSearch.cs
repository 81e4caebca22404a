using QuantBuild.Onnx;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>What the search took, and what there is to say about it.</summary>
internal sealed record GateSearchResult(PlannedModel? Planned, SearchReport Report);

/// <summary>
/// Finds the fastest candidate that keeps the gates on accuracy: as many steps up the ladder as pass on half of the evaluation data, then what was given up
/// and turns out not to be needed is taken again, the most precious first. The other half confirms, so that the number that gates is not the one that was
/// optimised.
/// </summary>
internal sealed class GateSearch(PrecisionSearch precision, QuantizationSettings settings, double limit, Func<Model, AccuracyReport> judge, int samples)
{
    /// <summary>Attempts to take forms again, unless all is to be tried.</summary>
    private const int FewAttempts = 16;

    /// <summary>Standard errors that are kept in reserve where one of many tries makes the drop larger.</summary>
    private const double ReserveOfManyTries = 2;

    /// <summary>A half of fewer samples that were held out chooses by chance.</summary>
    public const int FewestHeldOut = 16;

    /// <summary>By what is quantized: a form that may be taken again is not always worth it, and then the model is the one before.</summary>
    private readonly Dictionary<string, Judgement> _judged = [];

    /// <summary>True where such a search may be made at all: not on samples that calibration saw.</summary>
    public static bool IsPossible(QuantizationSettings settings, AccuracyReport accuracy) =>
        AccuracyLimits.AllowedDrop(settings, accuracy) is not null && settings.AccuracyEffort != AccuracyEffort.Fast && accuracy.Source != AccuracySource.CalibrationData;

    /// <summary>True where a result that was stored under other limits would not be the one that these settings give.</summary>
    public static bool IsStale(QuantizationReport report, QuantizationSettings settings)
    {
        var limit = report.Accuracy is { } accuracy ? AccuracyLimits.AllowedDrop(settings, accuracy) : null;
        return report.Search is { Found: true } search
            ? search.Limit != limit || search.MinSpeedup != settings.MinSpeedup
            : report.Accuracy is { } judged && IsPossible(settings, judged) && report.Search?.Limit != limit && JudgedAccuracy.Of(judged).Drop > limit;
    }

    /// <summary>True where the gate fails, or more may be had than what the outputs alone seemed to take.</summary>
    public static bool IsDue(QuantizationSettings settings, AccuracyReport accuracy, PrecisionSearch precision) =>
        IsPossible(settings, accuracy) && precision.CanGiveBack && accuracy.Samples >= (accuracy.Source == AccuracySource.EvaluationData ? 2 : FewestHeldOut)
        && (JudgedAccuracy.Of(accuracy).Drop > AccuracyLimits.AllowedDrop(settings, accuracy) || (settings.AccuracyEffort == AccuracyEffort.Best && precision.Steps is not null));

    /// <summary>For a gate that fails where nothing can be given back, as with a lock file: said once, so that the next build need not try again. Null else.</summary>
    public static SearchReport? Declined(QuantizationSettings settings, AccuracyReport accuracy) =>
        IsPossible(settings, accuracy) && AccuracyLimits.AllowedDrop(settings, accuracy) is { } limit && JudgedAccuracy.Of(accuracy).Drop is var drop && drop > limit ? new(limit, 0, 0, drop, false) : null;

    public GateSearchResult Run()
    {
        var ladder = precision.Candidates();
        var (steps, best) = Fastest(ladder);
        if (best is null)
        {
            var least = _judged.Values.MinBy(judged => judged.Drop);
            return new(null, Report(least, false));
        }

        best = TakeAgain(ladder, ladder.GivenUp(steps), best);
        return new(best, Report(Judge(best), true));
    }

    private SearchReport Report(Judgement? taken, bool isFound) => new(limit, _judged.Count, samples, taken?.Drop ?? 0, isFound)
    {
        PredictedSpeedup = taken?.Speedup is { } speedup ? Math.Round(speedup, 3) : null,
        MinSpeedup = settings.MinSpeedup,
    };

    private (int Steps, PlannedModel? Model) Fastest(CandidateLadder ladder)
    {
        if (settings.AccuracyEffort == AccuracyEffort.Best && Passes(ladder.At(ladder.Most)))
        {
            return (ladder.Most, ladder.At(ladder.Most));
        }

        var start = precision.Steps ?? ladder.Most;
        var tooMuch = settings.AccuracyEffort == AccuracyEffort.Best ? ladder.Most : start + 1;
        var steps = ladder.Find(Passes, start, tooMuch);
        return Passes(ladder.At(steps)) ? (steps, ladder.At(steps)) : (steps, null);
    }

    /// <summary>
    /// In the order in which they were given up: the worst bargains come last and are tried first. What makes the drop larger has to stay far within the
    /// limit, since of many tries on the same samples some pass by chance; unless the speed that is asked for is not reached without it.
    /// </summary>
    private PlannedModel TakeAgain(CandidateLadder ladder, IReadOnlyList<(Node Node, UnitForm Form)> givenUp, PlannedModel best)
    {
        var left = givenUp.ToList();
        var attempts = settings.AccuracyEffort == AccuracyEffort.Best ? settings.SearchBudget : FewAttempts;
        foreach (var form in givenUp.Reverse().Take(attempts))
        {
            if (_judged.Count >= settings.SearchBudget)
            {
                break;
            }

            left.Remove(form);
            if (ladder.Make(left) is var candidate && Passes(candidate) && IsBetter(Judge(candidate), Judge(best)))
            {
                best = candidate;
            }
            else
            {
                left.Add(form);
            }
        }

        return best;
    }

    /// <summary>No slower, as far as that is predicted, and no less accurate; or faster, and far enough within the limit or wanted for the speed that is asked for.</summary>
    private bool IsBetter(Judgement candidate, Judgement best) => candidate.Drop <= best.Drop
        ? !(candidate.Speedup < best.Speedup)
        : !(candidate.Speedup <= best.Speedup) && (candidate.Drop + (ReserveOfManyTries * candidate.Error) <= limit || best.Speedup < settings.MinSpeedup);

    /// <summary>
    /// With the standard error as a reserve, or what passes here by a hair would fail on the other half as often as not. False where the budget is spent:
    /// what is not known is not taken.
    /// </summary>
    private bool Passes(PlannedModel candidate) =>
        (_judged.ContainsKey(KeyOf(candidate)) || _judged.Count < settings.SearchBudget) && Judge(candidate) is var judged && judged.Drop + judged.Error <= limit;

    private static string KeyOf(PlannedModel candidate) => CandidateLadder.KeyOf(candidate.Plan.Units.Select(unit => (unit.Node, unit.Form)));

    private Judgement Judge(PlannedModel candidate)
    {
        var key = KeyOf(candidate);
        if (!_judged.TryGetValue(key, out var judged))
        {
            var accuracy = judge(candidate.Model);
            _judged[key] = judged = new(JudgedAccuracy.Of(accuracy).Drop, accuracy.StandardError ?? 0, precision.PredictedSpeedup(candidate));
        }

        return judged;
    }

    /// <param name="Drop">On the samples for choosing.</param>
    /// <param name="Error">Its standard error.</param>
    /// <param name="Speedup">As predicted; null where costs are not known.</param>
    private sealed record Judgement(double Drop, double Error, double? Speedup);
}
