using Digits.Training.Network;

namespace Digits.Training;

/// <summary>Trains the network on randomly changed digits, with a fixed seed and a learning rate that rises, then falls to 0.</summary>
internal static class Trainer
{
    private const int Seed = 8;
    private const int Epochs = 40;
    private const int BatchSize = 64;
    private const float LargestRate = 0.05f;
    private const float WarmUp = 0.1f;

    public static DigitsNetwork Train(List<Digit> digits, Action<int, float> epochEnded)
    {
        var random = new Random(Seed);
        var network = new DigitsNetwork(random);
        var augmentation = new Augmentation(random);
        var order = digits.ToArray();
        var stepsPerEpoch = order.Length / BatchSize;
        for (var epoch = 0; epoch < Epochs; epoch++)
        {
            random.Shuffle(order);
            var loss = 0f;
            for (var step = 0; step < stepsPerEpoch; step++)
            {
                loss += Learn(network, order[(step * BatchSize)..((step + 1) * BatchSize)], augmentation);
                var rate = Rate((epoch + ((float)step / stepsPerEpoch)) / Epochs);
                foreach (var parameter in network.Parameters)
                {
                    parameter.Step(rate);
                }
            }

            epochEnded(epoch + 1, loss / stepsPerEpoch);
        }

        return network;
    }

    private static float Rate(float progress) => progress < WarmUp
        ? LargestRate * progress / WarmUp
        : LargestRate * (1 + MathF.Cos(MathF.PI * (progress - WarmUp) / (1 - WarmUp))) / 2;

    /// <summary>Adds the batch's gradients and returns its mean loss.</summary>
    private static float Learn(DigitsNetwork network, Digit[] batch, Augmentation augmentation)
    {
        const int Area = Digit.Side * Digit.Side;
        var images = new float[batch.Length * Area];
        for (var i = 0; i < batch.Length; i++)
        {
            augmentation.Write(batch[i].Pixels, images.AsSpan(i * Area, Area));
        }

        var logits = network.Forward(images, batch.Length, training: true);
        var loss = 0f;
        for (var i = 0; i < batch.Length; i++)
        {
            loss += CrossEntropy(logits.AsSpan(i * Digit.Classes, Digit.Classes), batch[i].Label);
        }

        var gradients = Array.ConvertAll(logits, value => value / batch.Length);
        network.Backward(gradients, batch.Length);
        return loss / batch.Length;
    }

    /// <summary>Softmax and cross-entropy; replaces the logits by their gradients.</summary>
    private static float CrossEntropy(Span<float> logits, int label)
    {
        var (largest, sum) = (float.MinValue, 0f);
        foreach (var logit in logits)
        {
            largest = Math.Max(largest, logit);
        }

        foreach (ref var logit in logits)
        {
            logit = MathF.Exp(logit - largest);
            sum += logit;
        }

        foreach (ref var logit in logits)
        {
            logit /= sum;
        }

        var loss = -MathF.Log(logits[label]);
        logits[label] -= 1;
        return loss;
    }
}
