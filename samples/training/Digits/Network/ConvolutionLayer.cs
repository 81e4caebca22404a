namespace Digits.Training.Network;

/// <summary>Convolution, batch normalization, Relu; where it is residual, the input is added before the Relu.</summary>
internal sealed class ConvolutionLayer : Layer
{
    private float[] _output = [];

    private ConvolutionLayer(Convolution convolution, bool isResidual)
    {
        Convolution = convolution;
        Normalization = new BatchNormalization(convolution.OutputChannels, convolution.Side * convolution.Side);
        IsResidual = isResidual;
    }

    public Convolution Convolution { get; }

    public BatchNormalization Normalization { get; }

    public bool IsResidual { get; }

    public override IEnumerable<Parameter> Parameters => [Convolution.Weights, Normalization.Scale, Normalization.Bias];

    public static ConvolutionLayer Plain(int inputChannels, int outputChannels, int side, Random random) =>
        new(new Convolution(inputChannels, outputChannels, side, random), isResidual: false);

    public static ConvolutionLayer Residual(int channels, int side, Random random) =>
        new(new Convolution(channels, channels, side, random), isResidual: true);

    public override float[] Forward(float[] input, int count, bool training)
    {
        _output = Normalization.Forward(Convolution.Forward(input, count), count, training);
        for (var i = 0; i < _output.Length; i++)
        {
            _output[i] = Math.Max(0, IsResidual ? _output[i] + input[i] : _output[i]);
        }

        return _output;
    }

    public override float[] Backward(float[] outputGradients, int count)
    {
        var gradients = new float[outputGradients.Length];
        for (var i = 0; i < gradients.Length; i++)
        {
            gradients[i] = _output[i] > 0 ? outputGradients[i] : 0;
        }

        var inputGradients = Convolution.Backward(Normalization.Backward(gradients, count), count);
        for (var i = 0; IsResidual && i < inputGradients.Length; i++)
        {
            inputGradients[i] += gradients[i];
        }

        return inputGradients;
    }
}
