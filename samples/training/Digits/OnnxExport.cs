using System.Collections.Immutable;
using System.Globalization;
using Digits.Training.Network;
using QuantBuild.Onnx;

namespace Digits.Training;

/// <summary>The trained network as an ONNX model: image [N,1,8,8] of 0..1 to logits [N,10], batch normalization left in.</summary>
internal sealed class OnnxExport
{
    private const int Opset = 17;

    private readonly Model _model = Model.Create("digits", Opset);
    private int _convolutions;

    private OnnxExport()
    {
    }

    private Graph Graph => _model.Graph;

    public static Model Of(DigitsNetwork network)
    {
        var export = new OnnxExport();
        var value = export.Graph.AddInput("image");
        value.Declare(ElementType.Float, [null, 1, Digit.Side, Digit.Side]);
        value = network.Layers.Aggregate(value, export.Add);
        value.Declare(ElementType.Float, [null, Digit.Classes]);
        export.Graph.AddOutput(value);
        return export._model;
    }

    private Value Add(Value input, Layer layer) => layer switch
    {
        ConvolutionLayer convolution => AddConvolution(input, convolution),
        ClassifierLayer classifier => AddClassifier(input, classifier),
        _ => AddNode("MaxPool", "pool", input).Set("kernel_shape", Square(MaxPoolingLayer.Window)).Set("strides", Square(MaxPoolingLayer.Window)).Output,
    };

    private Value AddConvolution(Value input, ConvolutionLayer layer)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"conv{++_convolutions}");
        var (convolution, normalization) = (layer.Convolution, layer.Normalization);
        ImmutableArray<long> shape = [convolution.OutputChannels, convolution.InputChannels, .. Square(Convolution.KernelSide)];
        var value = AddNode("Conv", name, input, Weights(name + ".weight", shape, convolution.Weights.Values))
            .Set("kernel_shape", Square(Convolution.KernelSide))
            .Set("pads", [1, 1, 1, 1]).Output;
        value = AddNode(
            "BatchNormalization",
            name + "_norm",
            value,
            Channels(name + "_norm.scale", normalization.Scale.Values),
            Channels(name + "_norm.bias", normalization.Bias.Values),
            Channels(name + "_norm.mean", normalization.Mean),
            Channels(name + "_norm.variance", normalization.Variance)).Set("epsilon", BatchNormalization.Epsilon).Output;
        if (layer.IsResidual)
        {
            value = AddNode("Add", name + "_add", value, input).Output;
        }

        return AddNode("Relu", name + "_relu", value).Output;
    }

    private Value AddClassifier(Value input, ClassifierLayer layer)
    {
        var mean = AddNode("GlobalAveragePool", "mean", input).Output;
        var features = AddNode("Flatten", "flatten", mean).Output;
        var weights = Weights("classifier.weight", [Digit.Classes, layer.Weights.Values.Length / Digit.Classes], layer.Weights.Values);
        var node = Graph.AddNode("Gemm", [features, weights, Channels("classifier.bias", layer.Bias.Values)], "logits");
        node.Name = "classifier";
        return node.Set("transB", 1).Output;
    }

    private Node AddNode(string opType, string name, params Value[] inputs)
    {
        var node = Graph.AddNode(opType, inputs, name);
        node.Name = name;
        return node;
    }

    private Value Channels(string name, float[] values) => Weights(name, [values.Length], values);

    private Value Weights(string name, ImmutableArray<long> shape, float[] values) =>
        Graph.AddInitializer(name, TensorData.Create<float>(shape, values));

    private static ImmutableArray<long> Square(long side) => [side, side];
}
