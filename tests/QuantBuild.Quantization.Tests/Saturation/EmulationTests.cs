using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Saturation;

namespace QuantBuild.Quantization.Tests.Saturation;

/// <summary>
/// Each kernel against ONNX Runtime, bit for bit: with saturation on a processor that saturates, without it on any other. Large weights and
/// activations make nearly every sum saturate.
/// </summary>
internal sealed class EmulationTests
{
    private readonly Random _random = new(3);

    private static readonly object[] Convolutions =
    [
        new ConvolutionCase("16 channels", [1, 16, 9, 9], [16, 16, 3, 3]) { Pads = [1, 1, 1, 1] },
        new ConvolutionCase("odd channels", [2, 5, 7, 6], [7, 5, 3, 3]) { Pads = [1, 1, 1, 1], ZeroPoint = 5 },
        new ConvolutionCase("asymmetric", [1, 16, 9, 11], [16, 16, 3, 5]) { Pads = [0, 1, 2, 3], Strides = [2, 1], ZeroPoint = 7 },
        new ConvolutionCase("dilated", [1, 4, 13, 13], [16, 4, 3, 3]) { Pads = [2, 2, 2, 2], Dilations = [2, 2] },
        new ConvolutionCase("pointwise", [2, 15, 7, 7], [32, 15, 1, 1]),
        new ConvolutionCase("pointwise with strides", [1, 16, 7, 7], [32, 16, 1, 1]) { Strides = [2, 2] },
        new ConvolutionCase("image", [1, 3, 17, 17], [16, 3, 3, 3]) { Strides = [2, 2], ZeroPoint = 9, AutoPad = "SAME_UPPER" },
        new ConvolutionCase("image at the lower end", [1, 3, 16, 17], [16, 3, 3, 3]) { Strides = [2, 2], ZeroPoint = 9, AutoPad = "SAME_LOWER" },
        new ConvolutionCase("groups", [1, 12, 9, 9], [20, 3, 3, 3]) { Group = 4, ZeroPoint = 4 },
        new ConvolutionCase("depthwise with multiplier", [1, 12, 9, 9], [24, 1, 3, 3]) { Group = 12, ZeroPoint = 4 },
        new ConvolutionCase("one axis", [1, 6, 31], [8, 6, 3]) { Pads = [1, 1], ZeroPoint = 2 },
        new ConvolutionCase("three axes", [1, 3, 5, 5, 5], [16, 3, 3, 3, 3]) { Pads = [1, 1, 1, 1, 1, 1], ZeroPoint = 2 },
    ];

    [TestCaseSource(nameof(Convolutions))]
    public void Run_QLinearConv_IsWhatOnnxRuntimeComputes(ConvolutionCase given)
    {
        var channels = (int)given.Weights[0];
        var model = Build(given.Input, (graph, input) =>
        {
            Value[] inputs =
            [
                input, Scalar(graph, 0.02f), Scalar(graph, given.ZeroPoint), graph.AddInitializer("w", Weights(given.Weights)), graph.AddInitializer("ws", Scales(channels)),
                graph.AddInitializer("wz", TensorData.Create<sbyte>([channels], new sbyte[channels])), Scalar(graph, given.Weights.Skip(1).Aggregate(1f, (product, length) => product * length) * 0.003f),
                Scalar<byte>(graph, 128), graph.AddInitializer("b", Integers(channels)),
            ];
            return given.Describe(graph.AddNode("QLinearConv", inputs, "y"));
        });

        Compare(model, given.Input, Optimization.None);
    }

    [TestCase("QLinearMatMul", 3, 31)]
    [TestCase("QLinearMatMul", 1, 64)]
    [TestCase("QGemm", 5, 37)]
    [TestCase("QGemm", 1, 768)]
    [TestCase("MatMulIntegerToFloat", 6, 31)]
    [TestCase("MatMulInteger", 4, 129)]
    [TestCase("MatMulInteger", 1, 1031)]
    public void Run_Product_IsWhatOnnxRuntimeComputes(string opType, int rows, int terms)
    {
        const int Channels = 19;
        var model = Build([rows, terms], (graph, input) =>
        {
            var (weights, zeroPoints) = (graph.AddInitializer("w", Weights([terms, Channels])), graph.AddInitializer("wz", TensorData.Create<sbyte>([Channels], new sbyte[Channels])));
            var (scale, zeroPoint, scales) = (Scalar(graph, 0.02f), Scalar<byte>(graph, 9), graph.AddInitializer("ws", Scales(Channels)));
            var (outputScale, outputZeroPoint) = (Scalar(graph, terms * 0.003f), Scalar<byte>(graph, 128));
            Value[] inputs = opType switch
            {
                "QLinearMatMul" => [input, scale, zeroPoint, weights, scales, zeroPoints, outputScale, outputZeroPoint],
                "QGemm" => [input, scale, zeroPoint, weights, scales, zeroPoints, graph.AddInitializer("b", Integers(Channels)), outputScale, outputZeroPoint],
                "MatMulIntegerToFloat" => [input, weights, scale, scales, zeroPoint, zeroPoints, graph.AddInitializer("b", Scales(Channels))],
                _ => [input, weights, zeroPoint, zeroPoints],
            };
            return graph.AddNode(opType, inputs, "y", null, opType is "QGemm" or "MatMulIntegerToFloat" ? "com.microsoft" : "");
        });

        Compare(model, [rows, terms], Optimization.None);
    }

    /// <summary>Weights with a zero point, whose product with the sum of a row is taken off.</summary>
    [Test]
    public void Run_WeightsWithZeroPoint_IsWhatOnnxRuntimeComputes()
    {
        var model = Build([4, 50], (graph, input) => graph.AddNode(
            "MatMulInteger", [input, graph.AddInitializer("w", Weights([50, 8])), Scalar<byte>(graph, 3), Scalar<sbyte>(graph, 7)], "y"));

        Compare(model, [4, 50], Optimization.None);
    }

    /// <summary>Their weights take all 8 bits: channels that fill the vectors of a kernel, and that do not.</summary>
    [TestCase(16, 3)]
    [TestCase(64, 5)]
    [TestCase(13, 3)]
    public void Run_Depthwise_IsExactWithLargeWeights(int channels, int side)
    {
        var model = Build([1, channels, 9, 9], (graph, input) => graph.AddNode(
            "QLinearConv",
            [
                input, Scalar(graph, 0.02f), Scalar<byte>(graph, 3), graph.AddInitializer("w", Weights([channels, 1, side, side])), graph.AddInitializer("ws", Scales(channels)),
                graph.AddInitializer("wz", TensorData.Create<sbyte>([channels], new sbyte[channels])), Scalar(graph, side * side * 0.003f), Scalar<byte>(graph, 128), graph.AddInitializer("b", Integers(channels)),
            ],
            "y").Set("group", (long)channels));
        var node = model.Graph.Nodes[0];

        Compare(model, [1, channels, 9, 9], Optimization.AsDeployed, ConvolutionUnit.Create(node, KernelOperands.Of(node)!), saturates: false);
    }

    [Test]
    public void Of_ExactKernels_AreNone()
    {
        var depthwise = Node("QLinearConv", ElementType.UInt8, TensorData.Create<sbyte>([8, 1, 3, 3], new sbyte[72])).Set("group", 8L);
        var unsigned = Node("QLinearConv", ElementType.UInt8, TensorData.Create<byte>([8, 8, 3, 3], new byte[576]));
        var signed = Node("QLinearConv", ElementType.Int8, TensorData.Create<sbyte>([8, 8, 3, 3], new sbyte[576]));

        Assert.That(new[] { depthwise, unsigned, signed }.Select(IntegerUnit.Of), Is.All.Null);
    }

    private static Node Node(string opType, ElementType activations, TensorData weights)
    {
        var graph = Model.Create("kernel", 13).Graph;
        var zeroPoint = activations == ElementType.UInt8 ? Scalar<byte>(graph, 0) : Scalar<sbyte>(graph, 0);
        return graph.AddNode(opType, [graph.AddInput("x"), Scalar(graph, 1f), zeroPoint, graph.AddInitializer("w", weights)], "y");
    }

    private static Value Scalar<T>(Graph graph, T value)
        where T : unmanaged => graph.AddInitializer("scalar", TensorData.Scalar(value));

    private static Model Build(ImmutableArray<long> shape, Func<Graph, Value, Node> add)
    {
        var model = Model.Create("kernel", 13);
        model.SetOpset("com.microsoft", 1);
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.UInt8, [.. shape.Select(length => (long?)length)]);
        model.Graph.AddOutput(add(model.Graph, input).Output);
        return model;
    }

    private void Compare(Model model, ImmutableArray<long> shape, Optimization optimization)
    {
        var unit = IntegerUnit.Of(model.Graph.Nodes[0])!;

        Compare(model, shape, optimization, unit, Processor.Saturates);

        Assert.That(unit.Tally.Changed, Is.Positive, "Saturation has to make a difference.");
    }

    private void Compare(Model model, ImmutableArray<long> shape, Optimization optimization, IntegerUnit unit, bool saturates)
    {
        var activations = new byte[shape.Aggregate(1L, (product, length) => product * length)];
        _random.NextBytes(activations);
        SampleInputs inputs = ImmutableDictionary<string, TensorData>.Empty.Add("x", TensorData.Create<byte>(shape, activations));
        using var session = InferenceModel.Load(model, optimization);
        using var emulated = new EmulatedModel(model, [unit], saturates);

        var (expected, actual) = (session.Run(inputs, ["y"])[0], emulated.Run(inputs, ["y"])[0]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(unit.IsKnown && unit.CanSaturate);
            Assert.That((actual.Type, string.Join(',', actual.Dimensions)), Is.EqualTo((expected.Type, string.Join(',', expected.Dimensions))));
            Assert.That(actual.Bytes.Span.SequenceEqual(expected.Bytes.Span));
        }
    }

    private TensorData Weights(ImmutableArray<long> shape)
    {
        var weights = new sbyte[shape.Aggregate(1L, (product, length) => product * length)];
        for (var i = 0; i < weights.Length; i++)
        {
            weights[i] = (sbyte)(_random.Next(2) == 0 ? _random.Next(90, 128) * (_random.Next(2) == 0 ? 1 : -1) : _random.Next(-127, 128));
        }

        return TensorData.Create<sbyte>(shape, weights);
    }

    private TensorData Scales(int count) => TensorData.Vector<float>([.. Enumerable.Range(0, count).Select(_ => 0.005f + (0.01f * _random.NextSingle()))]);

    private TensorData Integers(int count) => TensorData.Vector<int>([.. Enumerable.Range(0, count).Select(_ => _random.Next(-2000, 2000))]);

    internal sealed record ConvolutionCase(string Name, ImmutableArray<long> Input, ImmutableArray<long> Weights)
    {
        public byte ZeroPoint { get; init; }

        public long Group { get; init; } = 1;

        public ImmutableArray<long> Pads { get; init; }

        public ImmutableArray<long> Strides { get; init; }

        public ImmutableArray<long> Dilations { get; init; }

        public string AutoPad { get; init; } = "NOTSET";

        public Node Describe(Node node)
        {
            foreach (var (name, values) in new[] { ("pads", Pads), ("strides", Strides), ("dilations", Dilations) }.Where(attribute => !attribute.Item2.IsDefault))
            {
                node.Set(name, values);
            }

            return node.Set("group", Group).Set("auto_pad", AutoPad);
        }

        public override string ToString() => Name;
    }
}
