using System.Collections.Immutable;
using System.Numerics.Tensors;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Distillation;

/// <summary>What a value of a model should be.</summary>
/// <param name="Value">Its name.</param>
/// <param name="Factor">How much its squared error counts.</param>
internal sealed record TrainingTarget(string Value, float Factor)
{
    /// <summary>The input of the training model that says what the value should be.</summary>
    public string Input => Value + "_target";
}

/// <summary>A constant that learns.</summary>
/// <param name="Name">Of the constant in the model.</param>
/// <param name="Value">What it is at first.</param>
/// <param name="Input">Of the training model, for what it has become.</param>
/// <param name="Gradient">The output that says where it should go.</param>
internal sealed record TrainedWeight(string Name, TensorData Value, string Input, string Gradient);

/// <summary>
/// A model that computes its own loss, and the derivatives of it by its weights: reverse-mode differentiation, written down as operators that ONNX Runtime
/// runs like any others. Weights and targets are inputs.
/// </summary>
internal sealed class TrainingModel
{
    /// <summary>The first opset in which what is scattered to one place adds up, as gradients of overlapping windows do.</summary>
    private const long Opset = 18;

    private TrainingModel(Model gradients, string loss, ImmutableArray<TrainedWeight> weights) => (Gradients, Loss, Weights) = (gradients, loss, weights);

    /// <summary>About how much one run takes: all values and their gradients, and what the widest convolution reads, once for each tap.</summary>
    public long BytesOfRun { get; private init; }

    /// <summary>The name of the output that is to become small: the sum over the targets of their squared errors times their factors.</summary>
    public string Loss { get; }

    public ImmutableArray<TrainedWeight> Weights { get; }

    /// <summary>Computes the loss, then the gradients in the order of the weights.</summary>
    public Model Gradients { get; }

    /// <summary>Null where no gradient of a target reaches a weight, or the opset cannot be raised.</summary>
    /// <param name="model">Stays as it is.</param>
    /// <param name="shapesOf">Gives the shapes that the values of a model have in the runs to come, which are the same in all of them.</param>
    /// <param name="targets">What the model should compute; float values.</param>
    public static TrainingModel? Of(Model model, Func<Model, Dictionary<string, ImmutableArray<long>>> shapesOf, IReadOnlyList<TrainingTarget> targets)
    {
        var copy = model.Clone();
        new RaiseOpset(Opset).Run(copy);
        if (copy.Opset < Opset)
        {
            return null;
        }

        var (graph, nodes, shapes) = (copy.Graph, copy.Graph.Nodes.ToArray(), shapesOf(copy));
        var weights = nodes.SelectMany(Weighted).Distinct().Where(value => value.Consumers.All(use => use.Node.Graph == graph && Weighted(use.Node).Contains(value))).ToArray();
        var gradients = new GradientGraph(graph, shapes);
        var loss = Write(gradients, nodes, weights, targets);
        // Two weights may have the same gradient, but no two outputs are the same value.
        var learning = weights.Where(value => gradients.Of(value) is not null).Select(value => (Weight: value, Gradient: gradients.Node("Identity", gradients.Of(value)!))).ToArray();
        if (learning.Length == 0)
        {
            return null;
        }

        graph.SetOutputs([loss, .. learning.Select(entry => entry.Gradient)]);
        var trained = learning.Select(entry => new TrainedWeight(entry.Weight.Name, entry.Weight.Constant!, ToInput(entry.Weight), entry.Gradient.Name)).ToImmutableArray();
        var widest = nodes.Where(node => node.Is("Conv") && node.Outputs.OfType<Value>().All(gradients.Knows)).Select(node => CountOf(shapes[node.Output.Name]) / Math.Max(node.Input(1)!.Constant?.Dimensions[0] ?? 1, 1) * (node.Input(1)!.Constant?.ElementCount ?? 0)).DefaultIfEmpty().Max();
        new RemoveUnused().Run(copy);
        return new(copy, loss.Name, trained) { BytesOfRun = 2 * sizeof(float) * (shapes.Values.Sum(CountOf) + widest) };
    }

    /// <summary>The same without the gradients, which cost three times as much as the loss.</summary>
    public Model LossAlone()
    {
        var copy = Gradients.Clone();
        copy.Graph.SetOutputs([copy.Graph.Find(Loss)!]);
        new RemoveUnused().Run(copy);
        return copy;
    }

    private static long CountOf(ImmutableArray<long> shape) => shape.Aggregate(1L, (product, length) => product * length);

    private static Value Write(GradientGraph gradients, Node[] nodes, Value[] weights, IReadOnlyList<TrainingTarget> targets)
    {
        foreach (var weight in weights)
        {
            gradients.Want(weight);
        }

        Node[] passing = [.. nodes.Where(node => GradientRules.Of(node) is not null && node.Inputs.Concat(node.Outputs).OfType<Value>().All(gradients.Knows))];
        foreach (var node in passing.Where(node => node.Inputs.Any(gradients.IsWanted)))
        {
            foreach (var output in node.Outputs.OfType<Value>())
            {
                gradients.Want(output);
            }
        }

        var loss = targets.Select(target => WriteError(gradients, target)).Aggregate((sum, term) => gradients.Node("Add", sum, term));
        foreach (var node in passing.Reverse())
        {
            if (node.Outputs.OfType<Value>().Select(gradients.Of).FirstOrDefault(gradient => gradient is not null) is { } gradient)
            {
                GradientRules.Of(node)!(gradients, node, gradient);
            }
        }

        return loss;
    }

    private static Value WriteError(GradientGraph gradients, TrainingTarget target)
    {
        var value = gradients.Find(target.Value);
        var error = gradients.Node("Sub", value, gradients.Input(target.Input, gradients.ShapeOf(value)));
        if (gradients.IsWanted(value))
        {
            gradients.Add(value, gradients.Node("Mul", error, gradients.Number(2 * target.Factor)));
        }

        return gradients.Node("Mul", gradients.Sum(gradients.Node("Mul", error, error), keeps: false), gradients.Number(target.Factor));
    }

    private static string ToInput(Value weight)
    {
        var input = weight.Graph.AddInput(weight.Graph.UniqueName(weight.Name + "_weight"));
        input.Declare(ElementType.Float, [.. weight.Constant!.Dimensions.Select(length => (long?)length)]);
        weight.ReplaceAllUsesWith(input);
        return input.Name;
    }

    /// <summary>The weights and the bias of a layer, and a vector that is added behind a product: other constants, such as masks, are no result of training.</summary>
    private static IEnumerable<Value> Weighted(Node node)
    {
        var isLayer = node.Is("Conv") || node.Is("Gemm") || node.Is("MatMul");
        var isBias = node.Is("Add") && node.Inputs.Any(input => input?.Producer is { } producer && (producer.Is("MatMul") || producer.Is("Gemm") || producer.Is("Conv")));
        return node.Inputs.OfType<Value>().Where(value => value is { IsConstant: true, IsGraphOutput: false, Constant.Type: ElementType.Float }
            && (isLayer || (isBias && value.Constant!.Dimensions.Count(length => length > 1) == 1)) && float.IsFinite(TensorPrimitives.SumOfSquares(value.Constant!.AsSpan<float>())));
    }
}
