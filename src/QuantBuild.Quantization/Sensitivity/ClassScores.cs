using System.Numerics.Tensors;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Sensitivity;

/// <summary>Outputs that hold one score for each class.</summary>
internal static class ClassScores
{
    /// <summary>Sums of probabilities in single precision are this far from 1 at most.</summary>
    public const float Tolerance = 1e-3f;

    /// <summary>The probabilities of the classes, by a softmax where the scores are none yet; null where the output has another shape than one of scores.</summary>
    public static float[]? Of(TensorData output)
    {
        if (output.Type != ElementType.Float || output.Dimensions.Count(length => length > 1) != 1)
        {
            return null;
        }

        var scores = output.ToFloats();
        if (TensorPrimitives.Min<float>(scores) >= 0 && Math.Abs(TensorPrimitives.Sum<float>(scores) - 1) < Tolerance)
        {
            return scores;
        }

        TensorPrimitives.SoftMax(scores, scores);
        return scores;
    }

    /// <summary>Kullback–Leibler divergence of the actual distribution from the reference, in nats.</summary>
    public static double Divergence(float[] reference, float[] actual)
    {
        var sum = 0.0;
        for (var index = 0; index < reference.Length; index++)
        {
            sum += reference[index] > 0 ? reference[index] * Math.Log(reference[index] / Math.Max((double)actual[index], float.Epsilon)) : 0;
        }

        return Math.Max(sum, 0);
    }
}
