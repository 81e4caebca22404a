using System.Collections.Immutable;
using System.Numerics.Tensors;
using System.Runtime.ExceptionServices;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Distillation;

/// <summary>
/// Lets a model that has lost weights learn the outputs of the one that had them (distillation, Hinton et al. 2015): gradient descent on the squared error of
/// the outputs, before a last Softmax or Sigmoid, over variations of the samples. No labels are used. The weights are kept that are nearest on samples set aside.
/// </summary>
internal sealed class ModelDistillation
{
    /// <summary>One sample of so many proves.</summary>
    private const int ShareProving = 5;

    /// <summary>With fewer there is nothing to learn from.</summary>
    private const int FewestSamples = 10;

    /// <summary>What samples in memory may take; more of them are thinned out evenly.</summary>
    private const long MostBytes = 512L << 20;

    /// <summary>What runs at the same time may take.</summary>
    private const long MostBytesOfRuns = 4L << 30;

    private const int BatchSize = 8;

    /// <summary>Of a tensor's size, in one step; falls to 0 along a cosine.</summary>
    private const float Rate = 0.003f;

    private const int WarmUpSteps = 10;

    private readonly Model _student;
    private readonly SampleRun _samples;
    private readonly ScopedModel _teacher;
    private readonly ImmutableArray<SampleInputs> _fitting;
    private readonly ImmutableArray<(SampleInputs Inputs, TensorData[] Targets)> _proving;
    private readonly ImmutableArray<TrainingTarget> _targets;

    private ModelDistillation(ScopedModel teacher, Model student, SampleRun samples, ImmutableArray<SampleInputs> inputs, string[] names)
    {
        (_teacher, _student, _samples) = (teacher, student, samples);
        _fitting = [.. inputs.Where((_, index) => !IsProving(index))];
        var proving = inputs.Where((_, index) => IsProving(index)).ToArray();
        var wanted = new TensorData[proving.Length][];
        ForEach(proving.Length, samples.Threads, index => wanted[index] = Teach(proving[index], names.Length));
        var energies = names.Select((_, index) => wanted.Sum(tensors => (double)TensorPrimitives.SumOfSquares(tensors[index].AsSpan<float>()))).ToArray();
        _proving = [.. proving.Zip(wanted)];
        // An output that is always 0 weighs nothing.
        _targets = [.. names.Zip(energies, (name, energy) => new TrainingTarget(name, energy > float.Epsilon && double.IsFinite(energy) ? (float)(wanted.Length / energy) : 0))];
    }

    /// <summary>Changes the weights of <paramref name="student"/> where that brings it nearer to <paramref name="teacher"/>.</summary>
    /// <param name="teacher">What is to be computed.</param>
    /// <param name="student">A model with the same outputs, under the same names.</param>
    /// <param name="samples">Samples of one shape; others are passed over.</param>
    /// <param name="epochs">How often each is learned from.</param>
    /// <exception cref="QuantBuildException">A sample cannot be read.</exception>
    public static DistillationReport Run(Model teacher, Model student, SampleRun samples, int epochs)
    {
        if (epochs == 0)
        {
            return Nothing("RefitEpochs=0 or AccuracyEffort=Fast leaves it out");
        }

        try
        {
            var inputs = InputsOf(samples);
            if (inputs.Length < FewestSamples)
            {
                return Nothing($"fewer than {FewestSamples} samples have the same shape");
            }

            string[] names = [.. Learned(teacher, student, inputs)];
            if (names.Length == 0)
            {
                return Nothing("no output is float and of the same shape for all samples");
            }

            using var session = new ScopedModel(teacher, [.. names.Select(name => teacher.Graph.Find(name)!)]);
            var distillation = new ModelDistillation(session, student, samples, inputs, names);
            return TrainingModel.Of(student, model => Shapes(model, inputs[0]), distillation._targets) is { } training
                ? distillation.Run(training, epochs)
                : Nothing("no derivative reaches a weight, or the model has an operator that keeps its opset below 18");
        }
        catch (InferenceException exception)
        {
            // What cannot be learned from is not worth a build: an output whose shape differs after all, or too little memory.
            return Nothing($"ONNX Runtime says: {exception.Message}");
        }
    }

    private static DistillationReport Nothing(string reason) => new(0, 0, 0, reason);

    private DistillationReport Run(TrainingModel training, int epochs)
    {
        using var gradients = InferenceModel.Load(training.Gradients, Optimization.Float);
        using var losses = InferenceModel.Load(training.LossAlone(), Optimization.Float);
        var weights = new TrainedWeights(training.Weights);
        var before = Loss(losses, training, weights);
        var (best, nearest) = (before, (ImmutableArray<TensorData>?)null);
        var (step, steps) = (0, epochs * ((_fitting.Length + BatchSize - 1) / BatchSize));
        for (var epoch = 0; epoch < epochs; epoch++)
        {
            int[] order = [.. Enumerable.Range(0, _fitting.Length)];
            new Random(epoch).Shuffle(order);
            foreach (var batch in order.Chunk(BatchSize))
            {
                step++;
                var rate = Rate * Math.Min(1, (float)step / WarmUpSteps) * (1 + MathF.Cos(MathF.PI * step / steps)) / 2;
                weights.Step(Gradients(gradients, training, weights, epoch, batch), rate);
            }

            var loss = Loss(losses, training, weights);
            if (!double.IsFinite(loss))
            {
                break;
            }

            if (loss < best)
            {
                (best, nearest) = (loss, weights.Copy());
            }

            _samples.Progress?.Report(new("Learning the float model's outputs", epoch + 1, epochs));
        }

        foreach (var (weight, value) in training.Weights.Zip(nearest ?? []))
        {
            _student.Graph.Find(weight.Name)!.Constant = value;
        }

        var outputs = Math.Max(_targets.Count(target => target.Factor > 0), 1);
        return new(epochs, before / outputs, best / outputs, null);
    }

    /// <summary>Of a batch, added up in the order of its samples, so that the number of threads does not matter.</summary>
    private float[][] Gradients(InferenceModel model, TrainingModel training, TrainedWeights weights, int epoch, int[] batch)
    {
        string[] outputs = [.. training.Weights.Select(weight => weight.Gradient)];
        var sums = training.Weights.Select(weight => new float[weight.Value.ElementCount]).ToArray();
        var threads = (int)Math.Clamp(MostBytesOfRuns / Math.Max(training.BytesOfRun, 1), 1, _samples.Threads);
        foreach (var together in batch.Chunk(threads))
        {
            var results = new TensorData[together.Length][];
            ForEach(together.Length, threads, place =>
            {
                var random = new Random(((epoch + 1) * _fitting.Length) + together[place]);
                var inputs = SampleVariation.Of(_fitting[together[place]], _fitting[random.Next(_fitting.Length)], random);
                results[place] = model.Run(Feed(inputs, Teach(inputs, _targets.Length), training, weights), outputs);
            });
            foreach (var result in results)
            {
                for (var index = 0; index < sums.Length; index++)
                {
                    TensorPrimitives.MultiplyAdd(result[index].AsSpan<float>(), 1f / batch.Length, sums[index], sums[index]);
                }
            }
        }

        return sums;
    }

    private double Loss(InferenceModel model, TrainingModel training, TrainedWeights weights)
    {
        var losses = new double[_proving.Length];
        ForEach(losses.Length, _samples.Threads, index =>
            losses[index] = model.Run(Feed(_proving[index].Inputs, _proving[index].Targets, training, weights), [training.Loss])[0].AsSpan<float>()[0]);
        return losses.Sum() / losses.Length;
    }

    private SampleInputs Feed(SampleInputs inputs, TensorData[] wanted, TrainingModel training, TrainedWeights weights)
    {
        var tensors = inputs.Tensors.ToBuilder();
        tensors.AddRange(training.Weights.Zip(weights.Values, (weight, value) => KeyValuePair.Create(weight.Input, value)));
        tensors.AddRange(_targets.Zip(wanted, (target, value) => KeyValuePair.Create(target.Input, value)));
        return new(tensors.ToImmutable()) { Sequences = inputs.Sequences };
    }

    private TensorData[] Teach(SampleInputs inputs, int count)
    {
        var wanted = new TensorData[count];
        _teacher.Run(inputs, (index, type, shape, bytes) => wanted[index] = new(type, [.. shape], bytes.ToArray()));
        return wanted;
    }

    private static bool IsProving(int index) => index % ShareProving == ShareProving - 1;

    /// <summary>Of the samples that have the most frequent shape, as many as memory has room for, evenly spread.</summary>
    private static ImmutableArray<SampleInputs> InputsOf(SampleRun samples)
    {
        if (samples.Count < FewestSamples)
        {
            return [];
        }

        var bytes = Math.Max(samples.Samples[0].Read().Inputs.Tensors.Values.Sum(tensor => (long)tensor.Bytes.Length), 1);
        var taken = (int)Math.Clamp(MostBytes / bytes, FewestSamples, samples.Count);
        var inputs = new SampleInputs[taken];
        var chosen = samples with { Samples = [.. Enumerable.Range(0, taken).Select(index => samples.Samples[(int)((long)index * samples.Count / taken)])] };
        chosen.ForEach("Reading samples", (position, sample) => inputs[position] = sample.Inputs);
        return inputs.GroupBy(ShapeKey).MaxBy(group => group.Count())!.ToImmutableArray();
    }

    private void ForEach(int count, int threads, Action<int> use)
    {
        try
        {
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = _samples.Cancellation }, use);
        }
        catch (AggregateException exception)
        {
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }
    }

    /// <summary>The float values that outputs are learned from, scores where they have such: not those whose shape depends on the data, such as boxes that were found, as far as some samples show it.</summary>
    private static IEnumerable<string> Learned(Model teacher, Model student, ImmutableArray<SampleInputs> inputs)
    {
        string[] names = [.. student.Graph.Outputs.Select(output => OutputScores.Of(output).Name).Distinct()];
        var seen = names.Select(_ => new HashSet<string>()).ToArray();
        using var session = new ScopedModel(teacher, [.. names.Select(name => teacher.Graph.Find(name)!)]);
        foreach (var sample in inputs.Take(FewestSamples))
        {
            session.Run(sample, (index, type, shape, _) => seen[index].Add(type == ElementType.Float ? string.Join(',', shape.ToArray()) : ""));
        }

        return names.Where((_, index) => seen[index].Count == 1 && !seen[index].Contains(""));
    }

    private static string ShapeKey(SampleInputs inputs) =>
        string.Join(';', inputs.Tensors.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => $"{entry.Key}:{entry.Value}"));

    private static Dictionary<string, ImmutableArray<long>> Shapes(Model model, SampleInputs inputs)
    {
        Value[] values = [.. model.Graph.Nodes.SelectMany(node => node.Outputs).OfType<Value>().Concat(model.Graph.Inputs).Distinct()];
        var shapes = new Dictionary<string, ImmutableArray<long>>();
        using var session = new ScopedModel(model, values);
        session.Run(inputs, (index, _, shape, _) => shapes[values[index].Name] = [.. shape]);
        return shapes;
    }
}
