namespace Digits.Training.Network;

/// <summary>Normalizes each channel: by the batch's mean and variance in training, by their running averages afterwards.</summary>
internal sealed class BatchNormalization(int channels, int area)
{
    public const float Epsilon = 1e-5f;

    private const float Renewal = 0.05f;

    private readonly float[] _factors = new float[channels];
    private float[] _normalized = [];

    public Parameter Scale { get; } = new(Initial.Constant(channels, 1), decay: 0);

    public Parameter Bias { get; } = new(new float[channels], decay: 0);

    public float[] Mean { get; } = new float[channels];

    public float[] Variance { get; } = Initial.Constant(channels, 1);

    public float[] Forward(float[] input, int count, bool training)
    {
        var output = new float[input.Length];
        _normalized = new float[input.Length];
        Parallel.For(0, channels, channel =>
        {
            var (mean, variance) = training ? Measure(input, count, channel) : (Mean[channel], Variance[channel]);
            var factor = 1 / MathF.Sqrt(variance + Epsilon);
            _factors[channel] = factor;
            foreach (var i in Elements(channel, count))
            {
                _normalized[i] = (input[i] - mean) * factor;
                output[i] = (_normalized[i] * Scale.Values[channel]) + Bias.Values[channel];
            }
        });
        return output;
    }

    public float[] Backward(float[] outputGradients, int count)
    {
        var inputGradients = new float[outputGradients.Length];
        Parallel.For(0, channels, channel =>
        {
            var (sum, projection) = (0.0, 0.0);
            foreach (var i in Elements(channel, count))
            {
                sum += outputGradients[i];
                projection += outputGradients[i] * _normalized[i];
            }

            Bias.Gradients[channel] += (float)sum;
            Scale.Gradients[channel] += (float)projection;
            var (mean, slope) = ((float)(sum / (count * area)), (float)(projection / (count * area)));
            var factor = _factors[channel] * Scale.Values[channel];
            foreach (var i in Elements(channel, count))
            {
                inputGradients[i] = factor * (outputGradients[i] - mean - (_normalized[i] * slope));
            }
        });
        return inputGradients;
    }

    private (float Mean, float Variance) Measure(float[] input, int count, int channel)
    {
        var (sum, squares) = (0.0, 0.0);
        foreach (var i in Elements(channel, count))
        {
            sum += input[i];
            squares += (double)input[i] * input[i];
        }

        var mean = sum / (count * area);
        var variance = Math.Max(0, (squares / (count * area)) - (mean * mean));
        Mean[channel] += Renewal * ((float)mean - Mean[channel]);
        Variance[channel] += Renewal * ((float)variance - Variance[channel]);
        return ((float)mean, (float)variance);
    }

    private IEnumerable<int> Elements(int channel, int count)
    {
        for (var sample = 0; sample < count; sample++)
        {
            var start = ((sample * channels) + channel) * area;
            for (var i = start; i < start + area; i++)
            {
                yield return i;
            }
        }
    }
}
