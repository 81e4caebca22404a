using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>
/// LSTM as com.microsoft.DynamicQuantizeLSTM: weights [directions, inputs, 4 · hidden] as integers under a scale for each gate's cell, biases
/// and states as they were.
/// </summary>
internal sealed class RecurrentUnitWriter(RewriteTarget target)
{
    /// <summary>Inputs of an LSTM up to its peepholes, which the rule refuses.</summary>
    private const int LstmInputs = 8;

    public void Write(Node node)
    {
        var (weights, weightParameters) = Add(node.Input(1)!);
        var (recurrent, recurrentParameters) = Add(node.Input(2)!);
        var inputs = Enumerable.Range(0, LstmInputs).Select(node.Input).ToArray();
        (inputs[1], inputs[2]) = (weights, recurrent);
        var attributes = node.Attributes.Values.ToArray();
        var replacement = target.Graph.Replace(node, "DynamicQuantizeLSTM", [.. inputs, .. weightParameters, .. recurrentParameters], target.Operands.UseMicrosoftDomain());
        foreach (var attribute in attributes.Where(attribute => attribute.Name != "layout"))
        {
            replacement.Set(attribute);
        }
    }

    private (Value Weights, Value[] Parameters) Add(Value weights)
    {
        var (elements, parameters) = UnitWeights.QuantizeRecurrent(weights.Constant!, target.Plan.Form.Weights);
        var (graph, name, dimensions) = (target.Graph, weights.Name, weights.Constant!.Dimensions);
        ImmutableArray<long> shape = [dimensions[0], dimensions[1]];
        return (
            graph.AddInitializer(name + "_quantized", elements),
            [
                graph.AddInitializer(name + "_scale", TensorData.Create<float>(shape, parameters.Scales.AsSpan())),
                graph.AddInitializer(name + "_zero_point", IntegerTypes.ToTensor(parameters.Type, shape, parameters.ZeroPoints.AsSpan())),
            ]);
    }
}
