namespace Digits.Training.Network;

/// <summary>A small residual network of 0.28 million parameters, in the shape that larger ones have.</summary>
internal sealed class DigitsNetwork
{
    public DigitsNetwork(Random random) => Layers =
    [
        ConvolutionLayer.Plain(1, 32, Digit.Side, random),
        ConvolutionLayer.Plain(32, 64, Digit.Side, random),
        ConvolutionLayer.Residual(64, Digit.Side, random),
        new MaxPoolingLayer(Digit.Side),
        ConvolutionLayer.Plain(64, 128, Digit.Side / MaxPoolingLayer.Window, random),
        ConvolutionLayer.Residual(128, Digit.Side / MaxPoolingLayer.Window, random),
        new ClassifierLayer(128, Digit.Side * Digit.Side / (MaxPoolingLayer.Window * MaxPoolingLayer.Window), Digit.Classes, random),
    ];

    public Layer[] Layers { get; }

    public IEnumerable<Parameter> Parameters => Layers.SelectMany(layer => layer.Parameters);

    /// <summary>The logits, <see cref="Digit.Classes"/> for each image.</summary>
    public float[] Forward(float[] images, int count, bool training) =>
        Layers.Aggregate(images, (values, layer) => layer.Forward(values, count, training));

    public void Backward(float[] logitGradients, int count)
    {
        var gradients = logitGradients;
        foreach (var layer in Layers.Reverse())
        {
            gradients = layer.Backward(gradients, count);
        }
    }

    public double Accuracy(List<Digit> digits)
    {
        float[] images = [.. digits.SelectMany(digit => digit.Pixels, (_, pixel) => (float)pixel / byte.MaxValue)];
        var logits = Forward(images, digits.Count, training: false).Chunk(Digit.Classes);
        return digits.Zip(logits).Average(pair => pair.Second.IndexOf(pair.Second.Max()) == pair.First.Label ? 1.0 : 0.0);
    }
}
