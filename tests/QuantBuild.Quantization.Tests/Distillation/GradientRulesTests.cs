using System.Collections.Immutable;
using System.Globalization;
using System.Numerics.Tensors;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Distillation;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Tests.Distillation;

/// <summary>Derivatives against differences of the loss, which know nothing of rules.</summary>
internal sealed class GradientRulesTests
{
    private const float Distance = 5e-3f;
    private const int Directions = 4;

    private static readonly string[] Layers =
    [
        "y = Conv(a, w4433, b4) {pads = [1, 1, 1, 1]}",
        "y = Conv(a, w4433, b4) {strides = [2, 2]}",
        "y = Conv(a, w4433) {strides = [2, 3], pads = [0, 1, 2, 1]}",
        "y = Conv(a, w4433) {strides = [3, 3]}",
        "y = Conv(a, w4433) {dilations = [2, 2], pads = [2, 2, 1, 2]}",
        "y = Conv(a, w4433) {auto_pad = \"SAME_UPPER\", strides = [2, 2]}",
        "y = Conv(a, w4233) {group = 2}",
        "y = Conv(a, w4133, b4) {group = 4, strides = [2, 1], pads = [1, 1, 1, 1]}",
        "r = Reshape(a, shape_4x49)\n y = Conv(r, w443) {strides = [2]}",
        "f = Flatten(a)\n y = Gemm(f, w196x3, b3) {alpha = 0.5, beta = 2.0}",
        "f = Flatten(a)\n y = Gemm(f, w3x196) {transB = 1}",
        "y = MatMul(a, w7x5)",
        "t = Transpose(a) {perm = [0, 1, 3, 2]}\n y = MatMul(a, t)",
        "m = MatMul(a, w7x5)\n y = Add(m, b5)",
    ];

    private static readonly string[] Activations =
    [
        "y = Relu(a)", "y = LeakyRelu(a) {alpha = 0.2}", "y = PRelu(a, s4)", "y = Clip(a, low, high)", "y = Sigmoid(a)", "y = Tanh(a)", "y = HardSigmoid(a)", "y = HardSwish(a)",
        "y = Softmax(a) {axis = 1}", "y = BatchNormalization(a, scale4, b4, mean4, variance4)",
    ];

    private static readonly string[] Others =
    [
        "y = MaxPool(a) {kernel_shape = [3, 3], strides = [2, 2]}", "y = AveragePool(a) {kernel_shape = [3, 2], strides = [2, 2]}",
        "y = AveragePool(a) {kernel_shape = [3, 3], pads = [1, 1, 1, 1], count_include_pad = 1}", "y = GlobalAveragePool(a)", "y = ReduceMean(a) {axes = [1, 3]}",
        "y = ReduceMean(a) {axes = [-1], keepdims = 0}", "r = Relu(a)\n y = Add(a, r)", "g = GlobalAveragePool(a)\n y = Sub(a, g)", "g = GlobalAveragePool(a)\n y = Mul(a, g)", "y = Mul(a, a)",
        "q = Mul(a, a)\n d = Add(q, one)\n y = Div(a, d)", "r = Relu(a)\n c = Concat(r, a) {axis = 1}\n y = Mul(c, c)", "y = Transpose(a) {perm = [2, 0, 3, 1]}", "y = Identity(a)",
        "y = Pad(a, pads)", "y = Slice(a, starts, ends, axes)", "p, q = Split(a, parts) {axis = 1}\n y = MatMul(p, q)", "p, q = Split(a, parts) {axis = 1}\n y = Relu(q)",
        "u = Unsqueeze(a, axis0)\n s = Squeeze(u, axis0)\n y = Mul(s, a)",
    ];

    [TestCaseSource(nameof(Layers))]
    [TestCaseSource(nameof(Activations))]
    [TestCaseSource(nameof(Others))]
    public void Gradient_IsTheSlopeOfTheLoss(string body)
    {
        var model = GraphText.Parse(Text(body));
        var inputs = new SampleInputs(ImmutableDictionary<string, TensorData>.Empty.Add("x", Tensor([1, 3, 7, 7], 1)));
        var shapes = Shapes(model, inputs);
        var target = new TrainingTarget("y", 0.5f);
        var training = TrainingModel.Of(model, copy => Shapes(copy, inputs), [target])!;
        using var gradients = InferenceModel.Load(training.Gradients, Optimization.None);
        using var losses = InferenceModel.Load(training.LossAlone(), Optimization.None);
        inputs = new(inputs.Tensors.Add(target.Input, Tensor(shapes["y"], 2)));
        var slopes = gradients.Run(Feed(training, inputs, 0, []), [.. training.Weights.Select(weight => weight.Gradient)]);

        using (Assert.EnterMultipleScope())
        {
            foreach (var weight in training.Weights)
            {
                Assert.That(slopes[training.Weights.IndexOf(weight)].Dimensions, Is.EqualTo(weight.Value.Dimensions), weight.Name);
            }

            // Along the gradient the slope is its length, whatever the number of weights.
            foreach (var direction in Enumerable.Range(0, Directions).Select(seed => Randomly(slopes, seed)).Prepend(slopes))
            {
                var length = MathF.Sqrt(direction.Sum(part => TensorPrimitives.SumOfSquares(part.AsSpan<float>())));
                var expected = (Loss(direction, Distance / length) - Loss(direction, -Distance / length)) / (2 * Distance);
                var actual = slopes.Zip(direction, (slope, step) => TensorPrimitives.Dot(slope.AsSpan<float>(), step.AsSpan<float>())).Sum() / length;
                Assert.That(actual, Is.EqualTo(expected).Within(0.01 * MathF.Sqrt(slopes.Sum(slope => TensorPrimitives.SumOfSquares(slope.AsSpan<float>())))));
            }
        }

        static TensorData[] Randomly(TensorData[] slopes, int seed) => [.. slopes.Select((slope, index) => Tensor(slope.Dimensions, (10 * seed) + index + 20))];

        float Loss(TensorData[] direction, float distance) => losses.Run(Feed(training, inputs, distance, direction), [training.Loss])[0].AsSpan<float>()[0];
    }

    /// <summary>Weights before an operator that has no rule stay; those behind it learn.</summary>
    [Test]
    public void AnOperatorWithoutARule_StopsTheGradient()
    {
        var model = GraphText.Parse(Text("e = Erf(a)\n y = Conv(e, w4433, b4)"));
        var inputs = new SampleInputs(ImmutableDictionary<string, TensorData>.Empty.Add("x", Tensor([1, 3, 7, 7], 1)));

        var training = TrainingModel.Of(model, copy => Shapes(copy, inputs), [new("y", 1)])!;

        Assert.That(training.Weights.Select(weight => weight.Name), Is.EqualTo(["w4433", "b4"]));
    }

    [Test]
    public void WithoutWeights_ThereIsNothingToLearn()
    {
        var model = GraphText.Parse("opset 13\ngraph g(x: float[1, 2]) -> (y: float) {\n y = Relu(x)\n}");
        var inputs = new SampleInputs(ImmutableDictionary<string, TensorData>.Empty.Add("x", Tensor([1, 2], 1)));

        Assert.That(TrainingModel.Of(model, copy => Shapes(copy, inputs), [new("y", 1)]), Is.Null);
    }

    private static SampleInputs Feed(TrainingModel training, SampleInputs inputs, float distance, TensorData[] direction)
    {
        var tensors = inputs.Tensors;
        foreach (var (index, weight) in training.Weights.Index())
        {
            var elements = weight.Value.ToFloats();
            if (direction.Length > 0)
            {
                TensorPrimitives.MultiplyAdd(direction[index].AsSpan<float>(), distance, elements, elements);
            }

            tensors = tensors.Add(weight.Input, TensorData.Create<float>(weight.Value.Dimensions, elements));
        }

        return new(tensors);
    }

    private static Dictionary<string, ImmutableArray<long>> Shapes(Model model, SampleInputs inputs)
    {
        Value[] values = [.. model.Graph.Nodes.SelectMany(node => node.Outputs).OfType<Value>().Concat(model.Graph.Inputs)];
        var shapes = new Dictionary<string, ImmutableArray<long>>();
        using var session = new ScopedModel(model, values);
        session.Run(inputs, (index, _, shape, _) => shapes[values[index].Name] = [.. shape]);
        return shapes;
    }

    private static TensorData Tensor(ImmutableArray<long> shape, int seed)
    {
        var random = new Random(seed);
        return TensorData.Create<float>(shape, [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (product, length) => product * length)).Select(_ => (float)((2 * random.NextDouble()) - 1))]);
    }

    private static string Text(string body) =>
        $$"""
        opset 17
        graph g(x: float[1, 3, 7, 7]) -> (y: float) {
          {{Weights("first", 4, 3, 1, 1)}}
          {{Weights("first_bias", 4)}}
          {{Weights("w4433", 4, 4, 3, 3)}}
          {{Weights("w4233", 4, 2, 3, 3)}}
          {{Weights("w4133", 4, 1, 3, 3)}}
          {{Weights("w443", 4, 4, 3)}}
          {{Weights("w196x3", 196, 3)}}
          {{Weights("w3x196", 3, 196)}}
          {{Weights("w7x5", 7, 5)}}
          {{Weights("s4", 4, 1, 1)}}
          {{Weights("scale4", 4)}}
          {{Weights("mean4", 4)}}
          {{Weights("b3", 3)}}
          {{Weights("b4", 4)}}
          {{Weights("b5", 5)}}
          variance4: float[4] = [0.5, 1, 2, 3]
          low: float[] = [-0.5]
          high: float[] = [0.4]
          one: float[] = [1]
          shape_4x49: int64[3] = [1, 4, 49]
          pads: int64[8] = [0, 1, 2, 0, 0, 0, 1, 1]
          starts: int64[2] = [1, -5]
          ends: int64[2] = [3, 6]
          axes: int64[2] = [1, 3]
          parts: int64[2] = [2, 2]
          axis0: int64[1] = [0]
          a = Conv(x, first, first_bias)
          {{body}}
        }
        """;

    private static string Weights(string name, params ImmutableArray<long> shape)
    {
        var elements = Tensor(shape, name.Sum(letter => letter)).ToFloats();
        return $"{name}: float[{string.Join(", ", shape)}] = [{string.Join(", ", elements.Select(element => element.ToString(CultureInfo.InvariantCulture)))}]";
    }
}
