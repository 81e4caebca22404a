using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Distillation;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Pruning;

/// <summary>The pruning that settings ask for: channels first, since fewer weights are then left to look at.</summary>
internal sealed class ModelPruning(Model given, QuantizationRequest request, RequestData data)
{
    /// <summary>How finely the number of channels that a gate allows is looked for.</summary>
    private const int Steps = 32;

    /// <summary>With learning, on top of those without.</summary>
    private const int Trials = 3;

    /// <summary>A quarter of all is looked at, however little goes without learning.</summary>
    private const int Worthwhile = Steps / 4;

    /// <summary>Of fewer samples neither half says anything, and no channel is removed.</summary>
    private const int FewestJudging = 8;

    private const int BalancedEpochs = 30;

    private const int BestEpochs = 100;

    /// <summary>So many samples are seen as often as that, more of them less often.</summary>
    private const int FullySeen = 512;

    private readonly QuantizationSettings _settings = request.Settings;

    /// <summary>The samples that the pruned model may be judged by: not those on which the number of its channels was chosen.</summary>
    public SampleRun Judged => IsAutomatic && data.Judged.Count >= FewestJudging ? data.Judged.Halves().Second : data.Judged;

    private int Epochs => _settings.RefitEpochs ?? _settings.AccuracyEffort switch
    {
        AccuracyEffort.Fast => 0,
        AccuracyEffort.Balanced => Within(BalancedEpochs),
        _ => Within(BestEpochs),
    };

    /// <summary>Many samples need to be seen less often: so that the time has a bound that is the same on every machine.</summary>
    private int Within(int epochs) => Math.Max(1, Math.Min(epochs, epochs * FullySeen / Math.Max(data.Calibrating.Count, 1)));

    private bool IsAutomatic => _settings.Channels is { Share: null };

    /// <exception cref="QuantBuildException">The settings do not go together, or the model does not run on a sample.</exception>
    public (Model Model, PruningReport Report) Run(Model prepared, ModelProfile profile)
    {
        if (_settings.Calibration is not null)
        {
            throw new QuantBuildException(
                DiagnosticCodes.InvalidCombination, $"{request.Model}: Calibration was made from the model as it is, and Channels and Sparsity change it: prune first, with 'quantbuild prune', and calibrate and quantize what it writes.");
        }

        var model = prepared;
        var (groups, removed, refitted) = (ImmutableArray<PrunedGroupReport>.Empty, 0, 0);
        DistillationReport? distilled = null;
        if (_settings.Channels is not null)
        {
            var pruner = new ModelPruner(prepared, profile, data.Calibrating, _settings);
            (var pruned, distilled) = _settings.Channels.Share is { } share ? (pruner.Remove(Math.Min(pruner.Most, (int)Math.Round(share * pruner.Channels))), null) : MostAllowed(pruner, prepared);
            groups = [.. pruner.Groups.All.Select(group => new PrunedGroupReport(group.Name, group.Count, pruned.Removed.TryGetValue(group, out var gone) ? gone.Count : 0, ModelPruner.ReasonOf(group)))];
            (model, removed, refitted) = (pruned.Model, pruned.Removed.Values.Sum(channels => channels.Count), pruned.Refitted);
        }

        var layers = ImmutableSortedDictionary<string, string?>.Empty;
        if (_settings.Sparsity is { } sparsity)
        {
            model = model == prepared ? model.Clone() : model;
            layers = new WeightPruner(sparsity, _settings.Saliency, data.Calibrating).Prune(model);
        }

        var isPruned = removed > 0 || layers.Values.Any(reason => reason is null);
        distilled ??= _settings.Refit && isPruned ? ModelDistillation.Run(prepared, model, data.Calibrating, Epochs) : null;
        return (model, new(removed, groups.Where(group => group.Reason is null).Sum(group => group.Channels), refitted)
        {
            ParametersBefore = ParameterCount.Of(prepared),
            Parameters = ParameterCount.Of(model),
            Zeros = ParameterCount.Zeros(model),
            Distillation = distilled,
            Groups = groups,
            Layers = [.. layers.Select(layer => new PrunedLayerReport(layer.Key, layer.Value))],
        });
    }

    /// <summary>
    /// As many channels as keep the gate on half of the samples, with the standard error in reserve: some of the drop is left to quantization. The other half must
    /// not speak against them.
    /// </summary>
    /// <returns>The model, and what it has learned, where more channels than by least squares alone could go for that.</returns>
    private (PrunedModel Pruned, DistillationReport? Distilled) MostAllowed(ModelPruner pruner, Model prepared)
    {
        if (!AccuracyLimits.AreSet(_settings))
        {
            throw new QuantBuildException(DiagnosticCodes.MissingSetting, $"{request.Model}: Channels=auto removes as many channels as MaxAccuracyDrop and MinAgreement allow, and neither is set. Set one, or Channels to a share such as 0.2.");
        }

        if (data.Judged.Count < FewestJudging)
        {
            return (pruner.Remove(0), null);
        }

        using var judge = new ModelJudge(given, request, data.Source);
        var (choosing, confirming) = data.Judged.Halves();
        (PrunedModel Pruned, DistillationReport? Distilled) best = (pruner.Remove(0), null);
        var low = 0;
        for (var high = Steps; high - low > 1;)
        {
            var middle = (low + high) / 2;
            (low, high) = Try(middle, _ => null) ? (middle, high) : (low, middle);
        }

        // What is learned makes up for more. A trial takes long: there are few, and none where zeros are to come on top.
        var most = Math.Clamp(2 * low, Worthwhile, Steps);
        for (var trial = 0; trial < Trials && most - low > 1 && _settings is { Refit: true, Sparsity: null } && Epochs > 0; trial++)
        {
            var middle = (low + most) / 2;
            (low, most) = Try(middle, candidate => ModelDistillation.Run(prepared, candidate, data.Calibrating, Epochs)) ? (middle, most) : (low, middle);
        }

        return best;

        bool Try(int step, Func<Model, DistillationReport?> learn)
        {
            var candidate = pruner.Remove((int)((long)pruner.Most * step / Steps));
            var distilled = learn(candidate.Model);
            var passes = IsAllowed(candidate, choosing, reserve: 1) && IsAllowed(candidate, confirming, reserve: 0);
            best = passes ? (candidate, distilled) : best;
            return passes;
        }

        bool IsAllowed(PrunedModel candidate, SampleRun samples, int reserve) =>
            judge.Judge(candidate.Model, samples).Accuracy is { } accuracy
            && JudgedAccuracy.Of(accuracy).Drop + (reserve * (accuracy.StandardError ?? 0)) <= AccuracyLimits.AllowedDrop(_settings, accuracy);
    }
}
