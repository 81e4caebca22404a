using System.Collections.Immutable;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Distillation;

/// <summary>
/// Weights on their way, by Adam (Kingma and Ba 2015) with a step for each tensor that is a share of its own size, so that one rate serves all layers. What
/// is 0 stays 0: sparsity is kept.
/// </summary>
internal sealed class TrainedWeights
{
    private const float FirstDecay = 0.9f;
    private const float SecondDecay = 0.999f;

    /// <summary>Gradients of a loss that is near 1; what is smaller than this by far is nothing to follow.</summary>
    private const float SmallestGradient = 1e-10f;

    /// <summary>Biases start at 0 often, but what they are added to is of the order of 1.</summary>
    private const float SmallestBias = 0.01f;

    private readonly ImmutableArray<TrainedTensor> _tensors;
    private int _steps;

    public TrainedWeights(ImmutableArray<TrainedWeight> weights) => _tensors = [.. weights.Select(weight => new TrainedTensor(weight.Value))];

    /// <summary>As they are; they change with each step.</summary>
    public IEnumerable<TensorData> Values => _tensors.Select(tensor => tensor.Value);

    public ImmutableArray<TensorData> Copy() => [.. _tensors.Select(tensor => TensorData.Create<float>(tensor.Value.Dimensions, tensor.Elements))];

    /// <param name="gradients">Of each tensor; they are overwritten.</param>
    /// <param name="rate">The share of its root mean square by which an element of a tensor changes about.</param>
    public void Step(float[][] gradients, float rate)
    {
        _steps++;
        var (first, second) = (1 - MathF.Pow(FirstDecay, _steps), 1 - MathF.Pow(SecondDecay, _steps));
        Parallel.For(0, _tensors.Length, index => _tensors[index].Step(gradients[index], rate / first, second));
    }

    private sealed class TrainedTensor
    {
        private readonly byte[] _bytes;
        private readonly float[] _mean;
        private readonly float[] _square;
        private readonly float[] _mask;
        private readonly float _scale;

        public TrainedTensor(TensorData tensor)
        {
            _bytes = tensor.Bytes.ToArray();
            Value = new(ElementType.Float, tensor.Dimensions, _bytes);
            var isBias = tensor.Rank <= 1;
            (_mean, _square) = (new float[Elements.Length], new float[Elements.Length]);
            _mask = Array.ConvertAll(Elements.ToArray(), element => element == 0 && !isBias ? 0f : 1f);
            _scale = Math.Max(MathF.Sqrt(TensorPrimitives.SumOfSquares<float>(Elements) / Math.Max(Elements.Length, 1)), isBias ? SmallestBias : 0);
        }

        public TensorData Value { get; }

        public Span<float> Elements => MemoryMarshal.Cast<byte, float>(_bytes.AsSpan());

        public void Step(float[] gradient, float rate, float secondCorrection)
        {
            TensorPrimitives.Multiply(_mean, FirstDecay, _mean);
            TensorPrimitives.MultiplyAdd(gradient, 1 - FirstDecay, _mean, _mean);
            TensorPrimitives.Multiply(gradient, gradient, gradient);
            TensorPrimitives.Multiply(_square, SecondDecay, _square);
            TensorPrimitives.MultiplyAdd(gradient, 1 - SecondDecay, _square, _square);
            TensorPrimitives.Divide(_square, secondCorrection, gradient);
            TensorPrimitives.Sqrt<float>(gradient, gradient);
            TensorPrimitives.Add(gradient, SmallestGradient, gradient);
            TensorPrimitives.Divide(_mean, gradient, gradient);
            TensorPrimitives.Multiply(gradient, _mask, gradient);
            TensorPrimitives.MultiplyAdd(gradient, -rate * _scale, Elements, Elements);
        }
    }
}
