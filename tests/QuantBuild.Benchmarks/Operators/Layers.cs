using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Benchmarks.Operators;

/// <summary>A convolution of equal strides and kernels in every direction; the borders are padded so that stride 1 keeps the planes.</summary>
internal sealed record Convolution(long Inputs, long Outputs, int Kernel, int Stride = 1, int Groups = 1)
{
    public int Dimensions { get; init; } = 2;

    public bool HasRelu { get; init; } = true;

    public Work WorkOn(double plane)
    {
        var outputs = Outputs * Math.Pow(Math.Ceiling(plane / Stride), Dimensions);
        return new(1, outputs * Inputs / Groups * Math.Pow(Kernel, Dimensions), outputs);
    }
}

/// <summary>Operators with constant weights in the form of their graph, as the engine's writers have them.</summary>
internal static class Layers
{
    private const int BlockSize = 32;
    private static readonly WeightScheme Bytes = new(ElementType.Int8, true, false, WeightGranularity.PerChannel, BlockSize, WeightRange.Full);
    private static readonly WeightScheme HalfBytes = Bytes with { Type = ElementType.Int4, Granularity = WeightGranularity.PerBlock };

    public static Value Convolve(this CaseGraph graph, Value value, Convolution layer)
    {
        var operand = graph.Operand(value);
        var spread = (float)Math.Sqrt(3.0 * layer.Groups / (layer.Inputs * Math.Pow(layer.Kernel, layer.Dimensions)));
        var weights = graph.Floats("w", [layer.Outputs, layer.Inputs / layer.Groups, .. Repeated(layer, layer.Kernel)], Around(spread));
        var bias = graph.Floats("b", [layer.Outputs], Around(0.1f));
        var output = graph.AddNode("Conv", graph.IsInt8 ? Quantized(graph, operand, weights, bias, 0) : [operand, weights, bias],
            NodeAttribute.Of("kernel_shape", Repeated(layer, layer.Kernel)),
            NodeAttribute.Of("strides", Repeated(layer, layer.Stride)),
            NodeAttribute.Of("pads", [.. Repeated(layer, layer.Kernel / 2), .. Repeated(layer, layer.Kernel / 2)]),
            NodeAttribute.Of("group", layer.Groups)).Output;
        output = layer.HasRelu ? graph.AddNode("Relu", [output]).Output : output;
        return graph.Finish(output, graph.NextParameters(layer.HasRelu));
    }

    /// <summary>A matrix product with a bias.</summary>
    public static Value Gemm(this CaseGraph graph, Value value, long inputs, long outputs)
    {
        var operand = graph.Operand(value);
        var weights = Matrix(graph, inputs, outputs);
        var bias = graph.Floats("b", [outputs], Around(0.1f));
        var product = graph.AddNode("Gemm", graph.IsInt8 ? Quantized(graph, operand, weights, bias, 1) : [operand, weights, bias]).Output;
        return graph.Finish(product, graph.NextParameters());
    }

    public static Value MatMul(this CaseGraph graph, Value value, long inputs, long outputs)
    {
        var weights = Matrix(graph, inputs, outputs);
        return graph.Form switch
        {
            KernelForm.Int8 => graph.Apply("MatMul", Quantized(graph, graph.Operand(value), weights, null, 1)),
            KernelForm.Dynamic => DynamicMatMul(graph, value, weights),
            KernelForm.WeightOnly => graph.AddNode("MatMul", [value, graph.DequantizeConstant(Integers(weights, 1, Bytes), "w")]).Output,
            KernelForm.WeightOnly4 => graph.AddNode("MatMul", [value, graph.DequantizeConstant(Integers(weights, 1, HalfBytes), "w")]).Output,
            _ => graph.AddNode("MatMul", [value, weights]).Output,
        };
    }

    private static Func<Random, float> Around(float spread) => random => (float)((random.NextDouble() * 2) - 1) * spread;

    private static ImmutableArray<long> Repeated(Convolution layer, long length) => [.. Enumerable.Repeat(length, layer.Dimensions)];

    private static Value Matrix(CaseGraph graph, long inputs, long outputs) => graph.Floats("w", [inputs, outputs], Around((float)Math.Sqrt(3.0 / inputs)));

    private static QuantizedWeights Integers(Value weights, int channelAxis, WeightScheme scheme) => WeightQuantization.Quantize(
        weights.Constant!, channelAxis, WeightQuantization.GranularityOf(scheme, channelAxis, 1 - channelAxis), scheme, []);

    private static Value?[] Quantized(CaseGraph graph, Value operand, Value weights, Value? bias, int channelAxis)
    {
        var integers = Integers(weights, channelAxis, Bytes);
        var dequantized = graph.DequantizeConstant(integers, "w");
        if (bias is null)
        {
            return [operand, dequantized];
        }

        float[] scales = [.. integers.Parameters.Scales.Select(scale => scale * graph.ParametersOf(operand).Scale)];
        int[] sums = [.. bias.Constant!.ToFloats().Zip(scales, (value, scale) => (int)(value / scale))];
        var parameters = new QuantizationParameters(ElementType.Int32, new Granularity.PerChannel(0), [.. scales], [.. new int[scales.Length]]);
        return [operand, dequantized, graph.DequantizeConstant(new(TensorData.Vector<int>(sums), parameters), "b")];
    }

    /// <summary>The float product of the integers' sums and both scales; ONNX Runtime makes one kernel of it.</summary>
    private static Value DynamicMatMul(CaseGraph graph, Value value, Value weights)
    {
        var integers = Integers(weights, 1, Bytes);
        var elements = graph.Graph.AddInitializer("w", integers.Elements);
        var scales = graph.Graph.AddInitializer("w_scale", TensorData.Vector<float>(integers.Parameters.Scales.AsSpan()));
        var zeroPoints = graph.Graph.AddInitializer("w_zero_point", IntegerTypes.ToTensor(ElementType.Int8, [scales.Constant!.ElementCount], integers.Parameters.ZeroPoints.AsSpan()));
        var (quantized, scale, zeroPoint) = (graph.Graph.AddValue("x_quantized"), graph.Graph.AddValue("x_scale"), graph.Graph.AddValue("x_zero_point"));
        graph.Graph.AddNode("DynamicQuantizeLinear", [value], [quantized, scale, zeroPoint]);
        var sums = graph.AddNode("MatMulInteger", [quantized, elements, zeroPoint, zeroPoints]).Output;
        var real = graph.AddNode("Cast", [sums], NodeAttribute.Of("to", (long)ElementType.Float)).Output;
        return graph.AddNode("Mul", [real, graph.AddNode("Mul", [scale, scales]).Output]).Output;
    }
}
