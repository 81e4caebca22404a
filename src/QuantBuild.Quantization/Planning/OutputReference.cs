using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Planning;

/// <summary>The float outputs of some samples, to compare candidates with.</summary>
internal sealed class OutputReference
{
    /// <summary>Class scores, boxes and embeddings are compared and cut off: 21 dB left their metrics within a point on all models tried.</summary>
    public const double SufficientDb = 21;

    /// <summary>
    /// Activations of 16 bits are taken for accuracy's sake, within a fifth of a point. A metric falls about as the amplitude of the noise grows, so that a
    /// fifth of it, 14 dB more, has to do.
    /// </summary>
    private const double SufficientDbOfWideActivations = 35;

    /// <summary>An image is looked at: noise of 43 dB below it cost a PSNR of 32 dB a tenth of a decibel, of 45 dB half as much.</summary>
    private const double SufficientDbOfImages = 45;

    private readonly SampleRun _samples;
    private readonly string[] _names;
    private readonly float[][][] _outputs;
    private readonly ConcurrentBag<int> _images = [];
    private readonly double _sufficientDb;

    /// <param name="model">The float model.</param>
    /// <param name="samples">To run it on.</param>
    /// <param name="isWide">As <see cref="ModelForm.IsWide"/> has it for the candidates.</param>
    public OutputReference(Model model, SampleRun samples, bool isWide = false)
    {
        _samples = samples;
        _sufficientDb = isWide ? SufficientDbOfWideActivations : SufficientDb;
        _names = [.. model.Graph.Outputs.Select(output => output.Name)];
        _outputs = Outputs(model);
    }

    /// <summary>True where every output, over all samples, has the SQNR that its kind needs.</summary>
    public bool IsKept(Model candidate) => Shares(candidate).Index().All(entry => entry.Item <= AllowedShare(entry.Index));

    /// <summary>The noise of each output, over all samples, as a share of the signal.</summary>
    public double[] Shares(Model candidate)
    {
        var outputs = Outputs(candidate);
        return
        [
            .. _names.Select((_, index) =>
            {
                var (noise, signal) = (0.0, 0.0);
                foreach (var (reference, actual) in _outputs.Zip(outputs, (expected, got) => (expected[index], got[index])))
                {
                    noise += Energy.OfDifference(reference, actual);
                    signal += Energy.Of(reference);
                }

                return Energy.Share(noise, signal);
            }),
        ];
    }

    /// <summary>The noise, as a share of the signal, that an output of its kind may have.</summary>
    public double AllowedShare(int output) => Math.Pow(10, -(_images.Contains(output) ? SufficientDbOfImages : _sufficientDb) / 10);

    private float[][][] Outputs(Model model)
    {
        var outputs = new float[_samples.Count][][];
        using var session = InferenceModel.Load(model, Optimization.Full);
        _samples.ForEach("Comparing outputs", (position, sample) =>
        {
            var values = _names.Select(_ => Array.Empty<float>()).ToArray();
            session.Run(sample.Inputs, _names, (index, type, shape, bytes) =>
            {
                values[index] = type == ElementType.Float ? MemoryMarshal.Cast<byte, float>(bytes).ToArray() : [];
                if (OutputKinds.IsImage(shape))
                {
                    _images.Add(index);
                }
            });
            outputs[position] = values;
        });
        return outputs;
    }
}
