using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Sensitivity;

/// <summary>What varying one unit does to the outputs of the model: noise as a share of the signal, of each that is compared.</summary>
internal static class OutputSensitivity
{
    /// <param name="model">The float model.</param>
    /// <param name="plans">The units of the first are measured, then what others have besides.</param>
    /// <param name="samples">Few are enough: every one of them has all elements of the outputs.</param>
    /// <returns>Units in bodies are missing.</returns>
    public static ImmutableDictionary<(Node Node, UnitForm Form), ImmutableArray<double>> Measure(Model model, IReadOnlyList<QuantizationPlan> plans, SampleRun samples)
    {
        using var variations = UnitVariations.OneQuantized(model, plans);
        var units = variations.Units;
        var (bases, energies) = (new TensorData[samples.Count][], new (double Noise, double Signal)[samples.Count, units.Length][]);
        variations.ForEach(samples, "Measuring sensitivity", (sample, outputs) => bases[sample] = outputs, variation =>
            energies[variation.Sample, variation.Unit] = EnergiesOf(bases[variation.Sample], variation.Outputs));
        return units.Index().ToImmutableDictionary(
            entry => (entry.Item.Node, entry.Item.Form),
            entry => Enumerable.Range(0, OutputScores.Compared(model.Graph).Length).Select(output => Share(Enumerable.Range(0, samples.Count).Select(sample => energies[sample, entry.Index][output]))).ToImmutableArray());
    }

    /// <summary>Of the differences of outputs, and of the outputs themselves; all is noise where there are none.</summary>
    public static (double Noise, double Signal)[] EnergiesOf(TensorData[] reference, TensorData[]? actual) =>
        actual is null ? [.. reference.Select(_ => (double.PositiveInfinity, 0.0))] : [.. reference.Zip(actual, Energies)];

    /// <summary>Of the difference, and of the tensor itself. Nothing for what is no float.</summary>
    private static (double Noise, double Signal) Energies(TensorData reference, TensorData actual)
    {
        if (reference.Type != ElementType.Float)
        {
            return (0, 0);
        }

        var elements = MemoryMarshal.Cast<byte, float>(reference.Bytes.Span);
        return (Energy.OfDifference(elements, MemoryMarshal.Cast<byte, float>(actual.Bytes.Span)), Energy.OfSignal(elements));
    }

    public static double Share(IEnumerable<(double Noise, double Signal)> energies)
    {
        var (noise, signal) = energies.Aggregate((0.0, 0.0), (sum, next) => (sum.Item1 + next.Noise, sum.Item2 + next.Signal));
        return Energy.Share(noise, signal);
    }
}
