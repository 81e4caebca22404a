using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Pruning;

/// <summary>A feature map of square images.</summary>
internal sealed record Map(Value Value, int Channels, int Size);

/// <summary>Layers with random weights, one behind the other, on images of 3 channels and 8 rows.</summary>
internal sealed class TinyNetwork
{
    private readonly Random _random;
    private readonly Model _model;

    public TinyNetwork(int seed = 7, long opset = 17)
    {
        _random = new(seed);
        _model = Model.Create("tiny", opset);
        var input = _model.Graph.AddInput("x");
        input.Declare(ElementType.Float, [null, 3, 8, 8]);
        Input = new(input, 3, 8);
    }

    public Map Input { get; }

    public Graph Graph => _model.Graph;

    public Model Finish(params ReadOnlySpan<Value> outputs)
    {
        foreach (var output in outputs)
        {
            output.Declare(ElementType.Float, default);
            Graph.AddOutput(output);
        }

        return _model;
    }

    /// <summary>A layer that sees every channel at every place, and with it the output of the network.</summary>
    public Model Finish(Map map) => Finish(Gemm(Node("Flatten", map.Value), map.Channels * map.Size * map.Size, 5));

    /// <summary>Elements between <paramref name="low"/> and <paramref name="high"/>.</summary>
    public Value Constant(float low, float high, params ImmutableArray<long> shape)
    {
        var elements = new float[shape.Aggregate(1L, (product, length) => product * length)];
        for (var i = 0; i < elements.Length; i++)
        {
            elements[i] = low + ((high - low) * (float)_random.NextDouble());
        }

        return Graph.AddInitializer("c", TensorData.Create<float>(shape, elements));
    }

    public Value Longs(params ReadOnlySpan<long> values) => Graph.AddInitializer("n", TensorData.Vector(values));

    public Value Node(string opType, params Value?[] inputs) => Graph.AddNode(opType, inputs, opType).Output;

    /// <summary>Padded: the size stays.</summary>
    public Map Conv(Map map, int channels, int kernel = 1, int groups = 1)
    {
        var reach = MathF.Sqrt(3f * groups / (map.Channels * kernel * kernel));
        var made = Node("Conv", map.Value, Constant(-reach, reach, channels, map.Channels / groups, kernel, kernel), Constant(-0.5f, 0.5f, channels));
        var pad = (long)kernel / 2;
        made.Producer!.Set("group", (long)groups).Set("pads", [pad, pad, pad, pad]);
        return map with { Value = made, Channels = channels };
    }

    /// <summary>Twice the size.</summary>
    public Map ConvTranspose(Map map, int channels, int groups = 1)
    {
        var reach = MathF.Sqrt(3f * groups / map.Channels);
        var made = Node("ConvTranspose", map.Value, Constant(-reach, reach, map.Channels, channels / groups, 2, 2), Constant(-0.5f, 0.5f, channels));
        made.Producer!.Set("group", (long)groups).Set("strides", [2L, 2]);
        return new(made, channels, map.Size * 2);
    }

    public Value Gemm(Value rows, int features, int outputs)
    {
        var reach = MathF.Sqrt(3f / features);
        return Node("Gemm", rows, Constant(-reach, reach, features, outputs), Constant(-0.5f, 0.5f, outputs));
    }

    public Map Relu(Map map) => map with { Value = Node("Relu", map.Value) };

    public Map Add(Map first, Map second) => first with { Value = Node("Add", first.Value, second.Value) };

    public Map Concat(params ReadOnlySpan<Map> maps)
    {
        var joined = Node("Concat", [.. maps.ToArray().Select(map => map.Value)]);
        joined.Producer!.Set("axis", 1L);
        return maps[0] with { Value = joined, Channels = maps.ToArray().Sum(map => map.Channels) };
    }

    public Map BatchNormalization(Map map)
    {
        var count = map.Channels;
        return map with
        {
            Value = Node("BatchNormalization", map.Value, Constant(-1, 1, count), Constant(-1, 1, count), Constant(-1, 1, count), Constant(0.5f, 2, count)),
        };
    }

    public Map SqueezeExcite(Map map)
    {
        var squeezed = new Map(Node("GlobalAveragePool", map.Value), map.Channels, 1);
        var excited = Conv(Relu(Conv(squeezed, 4)), map.Channels);
        return map with { Value = Node("Mul", map.Value, Node("Sigmoid", excited.Value)) };
    }

    public Map MaxPool(Map map)
    {
        var pooled = Node("MaxPool", map.Value);
        pooled.Producer!.Set("kernel_shape", [2L, 2]).Set("strides", [2L, 2]);
        return map with { Value = pooled, Size = map.Size / 2 };
    }
}
