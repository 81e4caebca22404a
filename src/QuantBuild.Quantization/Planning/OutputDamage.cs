using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Sensitivity;

namespace QuantBuild.Quantization.Planning;

/// <summary>What each unit alone, in each of its forms, does to the outputs of the model.</summary>
internal sealed class OutputDamage
{
    /// <summary>More is no different, and infinite harms do not add up.</summary>
    private const double MostHarm = 1e6;

    private readonly Dictionary<(Node Node, UnitForm Form), (double Share, double Harm)> _damages = [];

    /// <param name="model">The float model.</param>
    /// <param name="plans">The forms that are looked at.</param>
    /// <param name="errors">What they do to the units' own outputs. Units in bodies are judged by that: it is taken to reach the model's outputs as it is.</param>
    /// <param name="reference">What the outputs need.</param>
    /// <param name="whole">What they lose with everything quantized: the others are measured where that is the most, and taken to do to other samples what they do there.</param>
    /// <param name="sampleCount">Few are enough.</param>
    public OutputDamage(
        Model model, IReadOnlyList<QuantizationPlan> plans, ImmutableDictionary<(Node Node, UnitForm Form), UnitError> errors, OutputReference reference, OutputLoss whole, int sampleCount)
    {
        var (samples, factors) = reference.Worst(whole, sampleCount);
        var measured = Measure(model, plans, samples);
        foreach (var (form, error) in errors)
        {
            double[] shares = measured.TryGetValue(form, out var ofOutputs) ? [.. ofOutputs.Zip(factors, (share, factor) => share * factor)] : [.. OutputScores.Compared(model.Graph).Select(_ => error.Share)];
            _damages[form] = (shares.Max(), Math.Min(shares.Select((share, output) => share / reference.AllowedShare(output)).Max(), MostHarm));
        }
    }

    /// <summary>Nothing of models that cannot be run in segments, such as those that hand sequences on.</summary>
    private static ImmutableDictionary<(Node Node, UnitForm Form), ImmutableArray<double>> Measure(Model model, IReadOnlyList<QuantizationPlan> plans, SampleRun samples)
    {
        try
        {
            return OutputSensitivity.Measure(model, plans, samples);
        }
        catch (QuantBuildException exception) when (exception.Code == DiagnosticCodes.ModelNotLoadable)
        {
            return ImmutableDictionary<(Node, UnitForm), ImmutableArray<double>>.Empty;
        }
    }

    /// <summary>The signal-to-noise ratio of the output that suffers most; infinite for what only moves elements.</summary>
    public double DecibelsOf((Node Node, UnitForm Form) form) => Energy.Decibels(_damages.GetValueOrDefault(form).Share);

    /// <summary>As a share of the noise that the outputs may have in all; 0 for what only moves elements.</summary>
    public double HarmOf((Node Node, UnitForm Form) form) => _damages.GetValueOrDefault(form).Harm;
}
