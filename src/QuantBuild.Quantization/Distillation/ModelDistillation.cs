using System.Collections.Immutable;
using System.Numerics.Tensors;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Distillation;

/// <summary>How near the student comes to its teacher.</summary>
/// <param name="Epochs">Passes over the samples.</param>
/// <param name="Before">Energy of the error at the outputs as a share of their energy, before, on samples that were not learned from.</param>
/// <param name="After">The same at the end.</param>
internal sealed record DistillationResult(int Epochs, double Before, double After);

/// <summary>
/// Lets a model that has lost weights learn the outputs of the one that had them (distillation, Hinton et al. 2015): gradient descent on the squared error of
/// the outputs, before a last Softmax or Sigmoid, over variations of the samples. No labels are used. The weights are kept that are nearest on samples set aside.
/// </summary>
internal sealed class ModelDistillation : IDisposable
{
    /// <summary>One sample of so many proves.</summary>
    private const int ShareProving = 5;

    /// <summary>With fewer there is nothing to learn from.</summary>
    private const int FewestSamples = 10;

    private const int BatchSize = 8;

    /// <summary>Of a tensor's size, in one step; falls to 0 along a cosine.</summary>
    private const float Rate = 0.003f;

    private const int WarmUpSteps = 10;

    private readonly Model _student;
    private readonly SampleRun _samples;
    private readonly ImmutableArray<SampleInputs> _fitting;
    private readonly ImmutableArray<(SampleInputs Inputs, TensorData[] Targets)> _proving;
    private readonly ScopedModel _teacher;
    private readonly ImmutableArray<TrainingTarget> _targets;
    private readonly TrainingModel? _training;

    private ModelDistillation(Model teacher, Model student, SampleRun samples, ImmutableArray<SampleInputs> inputs)
    {
        (_student, _samples) = (student, samples);
        string[] names = [.. Learned(teacher, student, inputs[0])];
        _teacher = new(teacher, [.. names.Select(name => teacher.Graph.Find(name)!)]);
        _fitting = [.. inputs.Where((_, index) => index % ShareProving != ShareProving - 1)];
        var proving = inputs.Where((_, index) => index % ShareProving == ShareProving - 1).ToArray();
        var wanted = new TensorData[proving.Length][];
        Parallel.For(0, proving.Length, Options, index => wanted[index] = Teach(proving[index], names.Length));
        _proving = [.. proving.Zip(wanted)];
        _targets = [.. names.Select((name, index) => new TrainingTarget(name, (float)(wanted.Length / Math.Max(wanted.Sum(tensors => (double)TensorPrimitives.SumOfSquares(tensors[index].AsSpan<float>())), float.Epsilon))))];
        _training = _targets.IsEmpty ? null : TrainingModel.Of(student, model => Shapes(model, inputs[0]), _targets);
    }

    private ParallelOptions Options => new() { MaxDegreeOfParallelism = _samples.Threads, CancellationToken = _samples.Cancellation };

    /// <summary>Changes the weights of <paramref name="student"/> where that brings it nearer to <paramref name="teacher"/>.</summary>
    /// <param name="teacher">What is to be computed.</param>
    /// <param name="student">A model with the same outputs, under the same names.</param>
    /// <param name="samples">Samples of one shape; others are passed over.</param>
    /// <param name="epochs">How often each is learned from.</param>
    /// <returns>Null where there are too few samples, or no gradient reaches a weight.</returns>
    public static DistillationResult? Run(Model teacher, Model student, SampleRun samples, int epochs)
    {
        var inputs = samples.Samples.Select(sample => sample.Read().Inputs).GroupBy(ShapeKey).MaxBy(group => group.Count())?.ToImmutableArray() ?? [];
        if (epochs == 0 || inputs.Length < FewestSamples)
        {
            return null;
        }

        using var distillation = new ModelDistillation(teacher, student, samples, inputs);
        return distillation._training is { } training ? distillation.Run(training, epochs) : null;
    }

    public void Dispose() => _teacher.Dispose();

    private DistillationResult Run(TrainingModel training, int epochs)
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

            if (Loss(losses, training, weights) is var loss && loss < best)
            {
                (best, nearest) = (loss, weights.Copy());
            }

            _samples.Progress?.Report(new("Learning what was removed", epoch + 1, epochs));
        }

        foreach (var (weight, value) in training.Weights.Zip(nearest ?? []))
        {
            _student.Graph.Find(weight.Name)!.Constant = value;
        }

        return new(epochs, before / _targets.Length, best / _targets.Length);
    }

    /// <summary>Of a batch, added up in the order of its samples, so that the number of threads does not matter.</summary>
    private float[][] Gradients(InferenceModel model, TrainingModel training, TrainedWeights weights, int epoch, int[] batch)
    {
        string[] outputs = [.. training.Weights.Select(weight => weight.Gradient)];
        var sums = training.Weights.Select(weight => new float[weight.Value.ElementCount]).ToArray();
        foreach (var together in batch.Chunk(_samples.Threads))
        {
            var results = new TensorData[together.Length][];
            Parallel.For(0, together.Length, Options, place =>
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
        Parallel.For(0, losses.Length, Options, index =>
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

    /// <summary>An output that a Softmax or a Sigmoid makes is learned from what it is made of, whose errors have no bounds.</summary>
    private static Value Scores(Value output)
    {
        for (var value = output; value.Producer is { } producer && producer.Graph == output.Graph; value = producer.Input(0)!)
        {
            if (producer.Is("Softmax") || producer.Is("LogSoftmax") || producer.Is("Sigmoid"))
            {
                return producer.Input(0)!;
            }

            if (!(producer.Is("Reshape") || producer.Is("Flatten") || producer.Is("Identity") || producer.Is("Transpose") || producer.Is("Squeeze") || producer.Is("Unsqueeze")))
            {
                break;
            }
        }

        return output;
    }

    /// <summary>The float values that outputs are learned from.</summary>
    private static IEnumerable<string> Learned(Model teacher, Model student, SampleInputs inputs)
    {
        string[] names = [.. student.Graph.Outputs.Select(output => Scores(output).Name).Distinct()];
        var isFloat = new bool[names.Length];
        using var session = new ScopedModel(teacher, [.. names.Select(name => teacher.Graph.Find(name)!)]);
        session.Run(inputs, (index, type, _, _) => isFloat[index] = type == ElementType.Float);
        return names.Where((_, index) => isFloat[index]);
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
