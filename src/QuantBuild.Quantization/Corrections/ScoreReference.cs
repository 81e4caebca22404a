using System.Runtime.InteropServices;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Corrections;

/// <summary>The float scores that some samples have at the outputs of a model, to compare others with.</summary>
internal sealed class ScoreReference(Model model, SampleRun samples)
{
    private readonly float[][][] _scores = Scores(model, samples);

    /// <summary>The noise of another model's scores as a share of their energy, over all samples; of several outputs the sum.</summary>
    /// <param name="other">One with the same outputs, in float arithmetic.</param>
    public double NoiseOf(Model other)
    {
        var scores = Scores(other, samples);
        return Enumerable.Range(0, model.Graph.Outputs.Count).Sum(output =>
        {
            var pairs = _scores.Zip(scores, (expected, actual) => (Expected: expected[output], Actual: actual[output])).ToArray();
            return Energy.Share(pairs.Sum(pair => Energy.OfDifference(pair.Expected, pair.Actual)), pairs.Sum(pair => Energy.OfSignal(pair.Expected)));
        });
    }

    private static float[][][] Scores(Model model, SampleRun samples)
    {
        Value[] scores = [.. model.Graph.Outputs.Select(OutputScores.Of)];
        Value[] values = [.. scores.Distinct()];
        var found = new float[samples.Count][][];
        using var session = new ScopedModel(model, values);
        samples.ForEach("Comparing outputs", (position, sample) =>
        {
            var own = values.ToDictionary(value => value, _ => Array.Empty<float>());
            session.Run(sample.Inputs, (index, type, _, bytes) => own[values[index]] = type == ElementType.Float ? MemoryMarshal.Cast<byte, float>(bytes).ToArray() : []);
            found[position] = [.. scores.Select(value => own[value])];
        });
        return found;
    }
}
