using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Layers;

/// <summary>What an output is made of, where the output itself says less.</summary>
internal static class OutputScores
{
    /// <summary>
    /// The value in front of the last Softmax or Sigmoid, with nothing but shapes, conversions and an ArgMax behind it; else what <see cref="Compared(Value)"/> gives. Probabilities
    /// are all 0 and 1 where the model is certain, and their errors those of the few samples where it is not.
    /// </summary>
    public static Value Of(Value output)
    {
        var compared = Compared(output);
        return Find(compared, producer => producer.OpType is "Softmax" or "LogSoftmax" or "Sigmoid") ?? compared;
    }

    /// <summary>
    /// The scores of which an output is the place of the largest or the smallest, as a class's number is, or what is rounded to half precision at the end; else the output itself.
    /// </summary>
    public static Value Compared(Value output)
    {
        while (Find(output, producer => producer.OpType is "ArgMax" or "ArgMin" || IsNarrowing(producer)) is { } made)
        {
            output = made;
        }

        return output;
    }

    /// <summary>What <see cref="Compared(Value)"/> gives for the outputs of a graph, each once, in their order.</summary>
    public static ImmutableArray<Value> Compared(Graph graph) => [.. graph.Outputs.Select(Compared).Distinct()];

    /// <summary>A copy with what is compared in place of its outputs, or the model itself where that is no difference.</summary>
    public static Model Expose(Model model)
    {
        if (model.Graph.Outputs.SequenceEqual(Compared(model.Graph)))
        {
            return model;
        }

        var copy = model.Clone();
        copy.Graph.SetOutputs(Compared(copy.Graph));
        return copy;
    }

    private static bool IsNarrowing(Node node) => node.Is("Cast") && node.Int("to", 0) == (int)ElementType.Float16;

    /// <summary>What a maker of an output reads; null where there is none with nothing but shapes and conversions behind it.</summary>
    private static Value? Find(Value output, Func<Node, bool> isMaker)
    {
        for (var value = output; value.Producer is { } producer && producer.Graph == output.Graph; value = producer.Input(0)!)
        {
            if (isMaker(producer))
            {
                return producer.Input(0)!;
            }

            if (producer.OpType is not ("Reshape" or "Flatten" or "Identity" or "Transpose" or "Squeeze" or "Unsqueeze" or "Cast" or "QuantizeLinear" or "DequantizeLinear"))
            {
                break;
            }
        }

        return null;
    }
}
