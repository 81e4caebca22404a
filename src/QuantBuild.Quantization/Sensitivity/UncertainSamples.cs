using System.Numerics.Tensors;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Sensitivity;

/// <summary>
/// The samples that tell quantized models apart first: those where the two best class scores of the float model are closest. Where the first output has no
/// class scores, the samples that come first.
/// </summary>
internal static class UncertainSamples
{
    public static SampleRun Of(Model prepared, SampleRun samples, int count)
    {
        if (samples.Count <= count || prepared.Graph.Outputs.Count == 0)
        {
            return samples;
        }

        using var session = InferenceModel.Load(prepared, Optimization.Float);
        string[] names = [prepared.Graph.Outputs[0].Name];
        // One tells whether the model has class scores, and the others need not be run where it has none.
        return Margins(samples.Take(1)).Contains(null) || Margins(samples) is var margins && margins.Contains(null)
            ? samples.Take(count)
            : samples with { Samples = [.. margins.Index().OrderBy(entry => entry.Item).ThenBy(entry => entry.Index).Take(count).Select(entry => entry.Index).Order().Select(index => samples.Samples[index])] };

        double?[] Margins(SampleRun run)
        {
            var found = new double?[run.Count];
            run.ForEach("Choosing samples", (position, sample) => session.Run(sample.Inputs, names, (_, type, shape, bytes) =>
                found[position] = ClassScores.Of(new(type, [.. shape], bytes.ToArray())) is { } scores ? Margin(scores) : null));
            return found;
        }
    }

    private static double Margin(float[] probabilities)
    {
        var best = TensorPrimitives.IndexOfMax<float>(probabilities);
        return probabilities[best] - probabilities.Where((_, index) => index != best).Max();
    }
}
