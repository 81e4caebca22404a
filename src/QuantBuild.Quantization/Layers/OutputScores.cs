using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Layers;

/// <summary>
/// What an output is made of, where a Softmax or a Sigmoid makes it: probabilities are all 0 and 1 where the model is certain, and their errors those of the few
/// samples where it is not.
/// </summary>
internal static class OutputScores
{
    /// <summary>The value in front of the last Softmax or Sigmoid, with nothing but shapes and conversions behind it; else the output itself.</summary>
    public static Value Of(Value output)
    {
        for (var value = output; value.Producer is { } producer && producer.Graph == output.Graph; value = producer.Input(0)!)
        {
            if (producer.OpType is "Softmax" or "LogSoftmax" or "Sigmoid")
            {
                return producer.Input(0)!;
            }

            if (producer.OpType is not ("Reshape" or "Flatten" or "Identity" or "Transpose" or "Squeeze" or "Unsqueeze" or "QuantizeLinear" or "DequantizeLinear"))
            {
                break;
            }
        }

        return output;
    }
}
