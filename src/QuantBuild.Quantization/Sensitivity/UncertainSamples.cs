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

        var margins = new double?[samples.Count];
        using (var session = InferenceModel.Load(prepared, Optimization.Float))
        {
            string[] names = [prepared.Graph.Outputs[0].Name];
            samples.ForEach("Choosing samples", (position, sample) =>
            {
                session.Run(sample.Inputs, names, (_, type, shape, bytes) =>
                    margins[position] = ClassScores.Of(new(type, [.. shape], bytes.ToArray())) is { } scores ? Margin(scores) : null);
            });
        }

        return margins.Any(margin => margin is null)
            ? samples.Take(count)
            : samples with { Samples = [.. margins.Index().OrderBy(entry => entry.Item).ThenBy(entry => entry.Index).Take(count).Select(entry => entry.Index).Order().Select(index => samples.Samples[index])] };
    }

    private static double Margin(float[] probabilities)
    {
        var best = TensorPrimitives.IndexOfMax<float>(probabilities);
        return probabilities[best] - probabilities.Where((_, index) => index != best).Max();
    }
}
