using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Planning;

/// <summary>The float outputs of some samples, to compare candidates with; where an output is a class's number, the scores that it is found by.</summary>
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

    /// <summary>A candidate with so many times the noise that is allowed, on half of the samples, is not looked at any further.</summary>
    private const double ClearlyTooMuch = 2;

    private readonly SampleRun _samples;
    private readonly int _count;
    private readonly float[][][] _outputs;
    private readonly ConcurrentDictionary<int, bool> _images = [];
    private readonly double _sufficientDb;

    /// <param name="model">The float model.</param>
    /// <param name="samples">To run it on.</param>
    /// <param name="isWide">As <see cref="ModelForm.IsWide"/> has it for the candidates.</param>
    public OutputReference(Model model, SampleRun samples, bool isWide = false)
    {
        _samples = samples;
        _sufficientDb = isWide ? SufficientDbOfWideActivations : SufficientDb;
        _outputs = new float[samples.Count][][];
        using var session = Open(model, out var names);
        _count = names.Length;
        samples.ForEach("Comparing outputs", (position, sample) =>
        {
            var values = _outputs[position] = NoOutputs();
            session.Run(sample.Inputs, names, (index, type, shape, bytes) =>
            {
                values[index] = FloatsOf(type, bytes);
                if (OutputKinds.IsImage(shape))
                {
                    _images[index] = true;
                }
            });
        });
    }

    /// <summary>True where every output, over all samples, has the SQNR that its kind needs.</summary>
    public bool IsKept(Model candidate) => Measure(candidate).IsKept;

    /// <summary>What the outputs lose.</summary>
    public OutputLoss Measure(Model candidate)
    {
        using var session = Open(candidate, out var names);
        var half = (_samples.Count + 1) / 2;
        var noises = Noises(session, names, 0, half);
        if (SharesOf(noises).Index().Any(entry => entry.Item > ClearlyTooMuch * AllowedShare(entry.Index)))
        {
            return new(noises, false);
        }

        noises = [.. noises, .. Noises(session, names, half, _samples.Count)];
        return new(noises, SharesOf(noises).Index().All(entry => entry.Item <= AllowedShare(entry.Index)));
    }

    /// <summary>The samples on which a model loses the most.</summary>
    /// <param name="loss">What it loses.</param>
    /// <param name="count">How many.</param>
    /// <returns>Besides, for each output, its share of noise on all samples that were measured by that on those.</returns>
    public (SampleRun Samples, ImmutableArray<double> Factors) Worst(OutputLoss loss, int count)
    {
        double[] allowed = [.. SignalsOf(Enumerable.Range(0, loss.Noises.Length)).Select((signal, output) => signal * AllowedShare(output))];
        int[] worst = [.. loss.Noises.Index().OrderByDescending(sample => sample.Item.Zip(allowed, Energy.Share).Max()).ThenBy(sample => sample.Index).Take(count).Select(sample => sample.Index).Order()];
        var ofWorst = worst.Select(sample => loss.Noises[sample]).ToArray();
        var factors = SharesOf(loss.Noises).Zip(SignalsOf(worst), (share, signal) => (share, signal)).Select((all, output) => all.share / Energy.Share(ofWorst.Sum(noise => noise[output]), all.signal));
        return (_samples with { Samples = [.. worst.Select(index => _samples.Samples[index])] }, [.. factors.Select(factor => double.IsFinite(factor) ? factor : 1)]);
    }

    /// <summary>The noise of each output, over all samples, as a share of the signal.</summary>
    public double[] Shares(Model candidate)
    {
        using var session = Open(candidate, out var names);
        return SharesOf(Noises(session, names, 0, _samples.Count));
    }

    /// <summary>The noise, as a share of the signal, that an output of its kind may have.</summary>
    public double AllowedShare(int output) => Math.Pow(10, -(_images.ContainsKey(output) ? SufficientDbOfImages : _sufficientDb) / 10);

    private static float[] FloatsOf(ElementType type, ReadOnlySpan<byte> bytes) => type == ElementType.Float ? MemoryMarshal.Cast<byte, float>(bytes).ToArray() : [];

    /// <param name="model">The float model or a candidate.</param>
    /// <param name="names">Of what is compared, in the same order for all.</param>
    private static InferenceModel Open(Model model, out string[] names)
    {
        var exposed = OutputScores.Expose(model);
        names = [.. exposed.Graph.Outputs.Select(output => output.Name)];
        return InferenceModel.Load(exposed, Optimization.Full);
    }

    private float[][] NoOutputs() => [.. Enumerable.Repeat(Array.Empty<float>(), _count)];

    /// <summary>Of the samples from the first on, each output's.</summary>
    private double[] SharesOf(double[][] noises) =>
        [.. SignalsOf(Enumerable.Range(0, noises.Length)).Select((signal, output) => Energy.Share(noises.Sum(noise => noise[output]), signal))];

    private double[] SignalsOf(IEnumerable<int> samples) => [.. Enumerable.Range(0, _count).Select(output => samples.Sum(sample => Energy.OfSignal(_outputs[sample][output])))];

    /// <summary>Of the samples from <paramref name="start"/> to before <paramref name="end"/>, the energy of each output's noise.</summary>
    private double[][] Noises(InferenceModel session, string[] names, int start, int end)
    {
        var noises = new double[end - start][];
        (_samples with { Samples = _samples.Samples[start..end] }).ForEach("Comparing outputs", (position, sample) =>
        {
            var (reference, values) = (_outputs[start + position], NoOutputs());
            session.Run(sample.Inputs, names, (index, type, _, bytes) => values[index] = FloatsOf(type, bytes));
            noises[position] = [.. reference.Zip(values, (expected, actual) => Energy.OfDifference(expected, actual))];
        });
        return noises;
    }
}

/// <summary>What the outputs of a model lose against float.</summary>
/// <param name="Noises">Of each sample, as far as they were looked at, the energy of each output's noise.</param>
/// <param name="IsKept">Whether every output keeps what its kind needs.</param>
internal sealed record OutputLoss(double[][] Noises, bool IsKept);
