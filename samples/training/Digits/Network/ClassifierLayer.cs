namespace Digits.Training.Network;

/// <summary>Each channel's mean over the image, then a fully connected layer: the logits.</summary>
internal sealed class ClassifierLayer(int channels, int area, int classes, Random random) : Layer
{
    private float[] _means = [];

    public Parameter Weights { get; } = new(Initial.Normal(classes * channels, channels, random), decay: 5e-4f);

    public Parameter Bias { get; } = new(new float[classes], decay: 0);

    public override IEnumerable<Parameter> Parameters => [Weights, Bias];

    public override float[] Forward(float[] input, int count, bool training)
    {
        _means = new float[count * channels];
        for (var i = 0; i < _means.Length; i++)
        {
            _means[i] = Sum(input.AsSpan(i * area, area)) / area;
        }

        var transposed = new float[Weights.Values.Length];
        Matrix.Transpose(Weights.Values, transposed, channels);
        var logits = new float[count * classes];
        for (var sample = 0; sample < count; sample++)
        {
            Bias.Values.CopyTo(logits, sample * classes);
        }

        Matrix.AddProduct(_means, transposed, logits, channels);
        return logits;
    }

    public override float[] Backward(float[] outputGradients, int count)
    {
        var transposed = new float[outputGradients.Length];
        Matrix.Transpose(outputGradients, transposed, classes);
        Matrix.AddProduct(transposed, _means, Weights.Gradients, count);
        for (var i = 0; i < classes; i++)
        {
            Bias.Gradients[i] += Sum(transposed.AsSpan(i * count, count));
        }

        var meanGradients = new float[_means.Length];
        Matrix.AddProduct(outputGradients, Weights.Values, meanGradients, classes);
        var inputGradients = new float[_means.Length * area];
        for (var i = 0; i < inputGradients.Length; i++)
        {
            inputGradients[i] = meanGradients[i / area] / area;
        }

        return inputGradients;
    }

    private static float Sum(ReadOnlySpan<float> values)
    {
        var sum = 0f;
        foreach (var value in values)
        {
            sum += value;
        }

        return sum;
    }
}
