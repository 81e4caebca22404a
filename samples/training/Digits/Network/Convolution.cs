using System.Buffers;

namespace Digits.Training.Network;

/// <summary>A 3×3 convolution with a border of zeros and no bias, on square images in NCHW order.</summary>
internal sealed class Convolution
{
    public const int KernelSide = 3;

    private const float WeightDecay = 5e-4f;

    /// <summary>Gradients are summed in this many parts, in order: the sum does not depend on the number of threads.</summary>
    private const int GradientParts = 8;

    private readonly float[][] _partialGradients;
    private float[] _input = [];

    public Convolution(int inputChannels, int outputChannels, int side, Random random)
    {
        InputChannels = inputChannels;
        OutputChannels = outputChannels;
        Side = side;
        Weights = new Parameter(Initial.Normal(outputChannels * PatchSize, PatchSize, random), WeightDecay);
        _partialGradients = [.. Enumerable.Range(0, GradientParts).Select(_ => new float[Weights.Values.Length])];
    }

    public int InputChannels { get; }

    public int OutputChannels { get; }

    public int Side { get; }

    public Parameter Weights { get; }

    private int PatchSize => InputChannels * KernelSide * KernelSide;

    private int Area => Side * Side;

    private int InputSize => InputChannels * Area;

    private int OutputSize => OutputChannels * Area;

    public float[] Forward(float[] input, int count)
    {
        _input = input;
        var output = new float[count * OutputSize];
        Parallel.For(0, count, sample =>
        {
            var patches = ArrayPool<float>.Shared.Rent(PatchSize * Area);
            var columns = patches.AsSpan(0, PatchSize * Area);
            Patches.Gather(input.AsSpan(sample * InputSize, InputSize), columns, Side);
            Matrix.AddProduct(Weights.Values, columns, output.AsSpan(sample * OutputSize, OutputSize), PatchSize);
            ArrayPool<float>.Shared.Return(patches);
        });
        return output;
    }

    public float[] Backward(float[] outputGradients, int count)
    {
        var transposed = new float[Weights.Values.Length];
        Matrix.Transpose(Weights.Values, transposed, PatchSize);
        var inputGradients = new float[count * InputSize];
        Parallel.For(0, GradientParts, part =>
        {
            var partial = _partialGradients[part];
            Array.Clear(partial);
            for (var sample = part; sample < count; sample += GradientParts)
            {
                var gradients = outputGradients.AsSpan(sample * OutputSize, OutputSize);
                AddWeightGradients(_input.AsSpan(sample * InputSize, InputSize), gradients, partial);
                WriteInputGradients(transposed, gradients, inputGradients.AsSpan(sample * InputSize, InputSize));
            }
        });
        foreach (var partial in _partialGradients)
        {
            for (var i = 0; i < partial.Length; i++)
            {
                Weights.Gradients[i] += partial[i];
            }
        }

        return inputGradients;
    }

    private void AddWeightGradients(ReadOnlySpan<float> input, ReadOnlySpan<float> gradients, Span<float> partial)
    {
        var buffer = ArrayPool<float>.Shared.Rent(2 * PatchSize * Area);
        var columns = buffer.AsSpan(0, PatchSize * Area);
        var rows = buffer.AsSpan(PatchSize * Area, PatchSize * Area);
        Patches.Gather(input, columns, Side);
        Matrix.Transpose(columns, rows, Area);
        Matrix.AddProduct(gradients, rows, partial, Area);
        ArrayPool<float>.Shared.Return(buffer);
    }

    private void WriteInputGradients(ReadOnlySpan<float> transposed, ReadOnlySpan<float> gradients, Span<float> inputGradients)
    {
        var buffer = ArrayPool<float>.Shared.Rent(PatchSize * Area);
        var columns = buffer.AsSpan(0, PatchSize * Area);
        columns.Clear();
        Matrix.AddProduct(transposed, gradients, columns, OutputChannels);
        Patches.Scatter(columns, inputGradients, Side);
        ArrayPool<float>.Shared.Return(buffer);
    }
}
