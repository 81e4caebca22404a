using System.Collections.Immutable;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Calibration.Search;

/// <summary>What each method that looks at one tensor would choose. Tensors that share their parameters are chosen for together, as a group.</summary>
internal sealed class CandidateRanges
{
    private readonly RangeContext _context;
    private readonly ImmutableArray<ImmutableDictionary<string, Observation>> _observed;
    private readonly ImmutableArray<ImmutableDictionary<string, QuantizationParameters>> _parameters;

    public CandidateRanges(RangeContext context)
    {
        _context = context;
        _observed = [.. CalibrationMethods.OfOneTensor.Select(method => Calibrator.Choose(context, method))];
        _parameters = [.. _observed.Select(ParametersOf)];
        Groups = [.. _parameters[0].GroupBy(entry => entry.Value, entry => entry.Key)
            .Select(group => group.Order(StringComparer.Ordinal).ToImmutableArray())
            .OrderBy(group => group[0], StringComparer.Ordinal)];
    }

    /// <summary>Names, each group's in order.</summary>
    public ImmutableArray<ImmutableArray<string>> Groups { get; }

    public QuantizationParameters Parameters(int method, string name) => _parameters[method][name];

    /// <summary>The methods whose parameters for a group are not those of a method before them.</summary>
    public IEnumerable<int> DistinctMethods(int group) => Enumerable.Range(0, _observed.Length)
        .DistinctBy(method => (_parameters[method][Groups[group][0]].Scale, _parameters[method][Groups[group][0]].ZeroPoint));

    /// <param name="choices">The method for each group.</param>
    public ImmutableDictionary<string, Observation> Observed(IReadOnlyList<int> choices) => _observed[0].SetItems(
        Groups.Index().SelectMany(entry => entry.Item.Select(name => KeyValuePair.Create(name, _observed[choices[entry.Index]][name]))));

    public ImmutableDictionary<string, QuantizationParameters> ParametersOf(IReadOnlyList<int> choices) => ParametersOf(Observed(choices));

    private ImmutableDictionary<string, QuantizationParameters> ParametersOf(ImmutableDictionary<string, Observation> observed) =>
        QuantizationPlanner.Plan(_context.Placement, _context.Form, observed).Activations;
}
