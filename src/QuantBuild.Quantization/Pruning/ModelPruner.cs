using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Pruning;

/// <summary>Takes channels out of a prepared float model, and gives the rest the weights that make up for them.</summary>
internal sealed class ModelPruner
{
    private const int TrialSamples = 16;

    /// <summary>What the inputs of layers may take.</summary>
    public const long MostBytes = 512L << 20;

    private readonly Model _model;
    private readonly SampleRun _samples;
    private readonly ChannelChoice _choice;
    private readonly bool _refits;

    /// <param name="model">A prepared float model.</param>
    /// <param name="profile">Its shapes.</param>
    /// <param name="samples">To find out with what the layers can spare, and to refit on.</param>
    /// <param name="settings">How.</param>
    public ModelPruner(Model model, ModelProfile profile, SampleRun samples, QuantizationSettings settings)
    {
        (_model, _samples, _refits, Groups) = (model, samples, settings.Refit, ChannelGroups.Of(model, profile));
        Node[] readers = [.. Prunable.SelectMany(group => group.Readers).Select(slot => slot.Node).Where(node => LayerGeometry.Of(node) is not null).Distinct()];
        var inputs = settings.Saliency == Saliency.Magnitude || samples.Count == 0 ? [] : LayerInputs.Gather(model, readers, samples, RowCount.ToFit.Within(readers.Select(node => LayerGeometry.Of(node)!), MostBytes));
        ChannelGroup[] prunable = [.. Prunable];
        var eliminations = new ChannelElimination[prunable.Length];
        var done = 0;
        Parallel.For(0, prunable.Length, new ParallelOptions { MaxDegreeOfParallelism = samples.Threads, CancellationToken = samples.Cancellation }, index =>
        {
            eliminations[index] = new(prunable[index], inputs);
            samples.Progress?.Report(new("Ranking channels", Interlocked.Increment(ref done), prunable.Length));
        });
        _choice = new(Weigh(eliminations));
    }

    public ChannelGroups Groups { get; }

    /// <summary>Of the channels that can be pruned.</summary>
    public int Channels => Prunable.Sum(group => group.Count);

    /// <summary>How many channels may go at most.</summary>
    public int Most => _choice.Most;

    private IEnumerable<ChannelGroup> Prunable => Groups.All.Where(group => ReasonOf(group) is null);

    /// <summary>Why a group keeps all its channels, in words that complete "it keeps its own because …"; null where some can go.</summary>
    public static string? ReasonOf(ChannelGroup group) => group.Reason ?? (ChannelElimination.IsPossible(group) ? null : "at least two channels of every group stay");

    /// <param name="count">So many channels go.</param>
    public PrunedModel Remove(int count)
    {
        var removed = _choice.First(count);
        var pruned = ChannelRemoval.Apply(_model, Groups, removed);
        var refitted = _refits && removed.Count > 0 && _samples.Count > 1 ? SequentialRefit.Run(_model, pruned, node => Groups.KeptOutputs(node, removed), _samples) : 0;
        return new(pruned, removed, refitted);
    }

    /// <summary>What the readers of a group lose counts by what that does to the outputs of the model, which a trial shows.</summary>
    private IEnumerable<ImmutableArray<EliminationStep>> Weigh(ChannelElimination[] eliminations)
    {
        var reference = new OutputReference(_model, _samples.Take(TrialSamples));
        foreach (var (index, elimination) in eliminations.Index())
        {
            var factor = elimination.TrialHarm > 0 && elimination.Trial(_model) is { } trial ? reference.Shares(trial).Max() / elimination.TrialHarm : 1;
            yield return [.. elimination.Steps.Select(step => step with { Harm = step.Harm * factor })];
            _samples.Progress?.Report(new("Trying groups", index + 1, eliminations.Length));
        }
    }
}

/// <param name="Model">What is left.</param>
/// <param name="Removed">The numbers of the channels that are gone.</param>
/// <param name="Refitted">How many layers have other weights.</param>
internal sealed record PrunedModel(Model Model, IReadOnlyDictionary<ChannelGroup, IReadOnlySet<int>> Removed, int Refitted);
