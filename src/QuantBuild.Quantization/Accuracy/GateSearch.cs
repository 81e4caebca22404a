using QuantBuild.Onnx;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>What the search took, and what there is to say about it.</summary>
internal sealed record GateSearchResult(PlannedModel? Planned, SearchReport Report);

/// <summary>
/// Finds the fastest candidate that keeps the gate on accuracy: as many steps up the ladder as pass on half of the evaluation data, then what was given up
/// and turns out not to be needed is taken again, the most precious first. The other half confirms, so that the number that gates is not the one that was
/// optimised.
/// </summary>
internal sealed class GateSearch(PrecisionSearch precision, QuantizationSettings settings, Func<Model, AccuracyReport> judge, int samples)
{
    /// <summary>Attempts to take forms again, unless all is to be tried.</summary>
    private const int FewAttempts = 16;

    private readonly Dictionary<Model, (double Drop, double Error)> _drops = new(ReferenceEqualityComparer.Instance);

    private double Limit => settings.MaxAccuracyDrop!.Value;

    /// <summary>True where such a search may be made at all.</summary>
    public static bool IsPossible(QuantizationSettings settings) =>
        settings is { MaxAccuracyDrop: not null, AccuracyEffort: not AccuracyEffort.Fast, EvaluationData.IsEmpty: false };

    /// <summary>True where a result that was stored under another limit would not be the one that these settings give.</summary>
    public static bool IsStale(QuantizationReport report, QuantizationSettings settings) =>
        report.Search is { Found: true } search ? search.Limit != settings.MaxAccuracyDrop
        : IsPossible(settings) && report.Search?.Limit != settings.MaxAccuracyDrop && report.Accuracy is { } accuracy && JudgedAccuracy.Of(accuracy).Drop > settings.MaxAccuracyDrop;

    /// <summary>True where the gate fails, or more may be had than what the outputs alone seemed to take.</summary>
    public static bool IsDue(QuantizationSettings settings, AccuracyReport accuracy, PrecisionSearch precision) =>
        IsPossible(settings) && precision.CanGiveBack && accuracy.Samples > 1
        && (JudgedAccuracy.Of(accuracy).Drop > settings.MaxAccuracyDrop || (settings.AccuracyEffort == AccuracyEffort.Best && precision.Steps is not null));

    /// <summary>For a gate that fails where nothing can be given back, as with a lock file: said once, so that the next build need not try again. Null else.</summary>
    public static SearchReport? Declined(QuantizationSettings settings, AccuracyReport accuracy) =>
        IsPossible(settings) && JudgedAccuracy.Of(accuracy).Drop is var drop && drop > settings.MaxAccuracyDrop ? new(settings.MaxAccuracyDrop.Value, 0, 0, drop, false) : null;

    public GateSearchResult Run()
    {
        var ladder = precision.Candidates();
        var (steps, best) = Fastest(ladder);
        if (best is null)
        {
            return new(null, new(Limit, _drops.Count, samples, _drops.Count == 0 ? 0 : _drops.Values.Min(judged => judged.Drop), false));
        }

        best = TakeAgain(ladder, ladder.GivenUp(steps), best);
        return new(best, new(Limit, _drops.Count, samples, Judge(best).Drop, true));
    }

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
    /// In the order in which they were given up: the worst bargains come last and are tried first. What makes the drop larger stays given up, though it
    /// might be allowed: of many tries on the same samples some pass by chance.
    /// </summary>
    private PlannedModel TakeAgain(CandidateLadder ladder, IReadOnlyList<(Node Node, UnitForm Form)> givenUp, PlannedModel best)
    {
        var left = givenUp.ToList();
        var attempts = settings.AccuracyEffort == AccuracyEffort.Best ? settings.SearchBudget : FewAttempts;
        foreach (var form in givenUp.Reverse().Take(attempts))
        {
            if (_drops.Count >= settings.SearchBudget)
            {
                break;
            }

            left.Remove(form);
            if (ladder.Make(left) is var candidate && Passes(candidate) && Judge(candidate).Drop <= Judge(best).Drop)
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

    /// <summary>
    /// With the standard error as a reserve, or what passes here by a hair would fail on the other half as often as not. False where the budget is spent:
    /// what is not known is not taken.
    /// </summary>
    private bool Passes(PlannedModel candidate) =>
        (_drops.ContainsKey(candidate.Model) || _drops.Count < settings.SearchBudget) && Judge(candidate) is var (drop, error) && drop + error <= Limit;

    private (double Drop, double Error) Judge(PlannedModel candidate)
    {
        if (!_drops.TryGetValue(candidate.Model, out var judged))
        {
            var accuracy = judge(candidate.Model);
            _drops[candidate.Model] = judged = (JudgedAccuracy.Of(accuracy).Drop, accuracy.StandardError ?? 0);
        }

        return judged;
    }
}
