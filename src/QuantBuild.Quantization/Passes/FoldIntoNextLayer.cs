using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// Arithmetic with one constant for each channel in front of a convolution goes into its weights: conv(W, f · x + s) = conv(f · W, x + s / f). What is
/// added goes into the bias where no padding would have escaped it, and stays an Add elsewhere.
/// </summary>
internal sealed class FoldIntoNextLayer : GraphPass
{
    public override void Run(Model model)
    {
        foreach (var node in Bodies.Nodes(model.Graph).Where(node => node.Is("Conv")).ToArray())
        {
            while (Fold(node))
            {
            }
        }
    }

    private static bool Fold(Node convolution)
    {
        if (convolution.Input(1) is not { IsConstant: true, Constant: { Type: ElementType.Float } weights } || convolution.Input(2) is { IsConstant: false }
            || convolution.Input(0) is not { } input || StepBefore(input, convolution) is not { } step)
        {
            return false;
        }

        if (step.Arithmetic.Shifts.All(shift => shift == 0))
        {
            Scale(convolution, weights, step.Arithmetic.Factors);
        }
        else if (IsUnpadded(convolution))
        {
            Shift(convolution, weights, step.Arithmetic.Shifts);
            Scale(convolution, weights, step.Arithmetic.Factors);
        }
        else
        {
            return FoldBeforeShift(convolution, weights, step);
        }

        convolution.SetInput(0, step.Source);
        step.Node.Graph.Remove(step.Node);
        return true;
    }

    /// <summary>f · x, then + s, becomes + s / f, and f goes into the weights.</summary>
    private static bool FoldBeforeShift(Node convolution, TensorData weights, Step shift)
    {
        if (!(shift.Node.Is("Add") || shift.Node.Is("Sub")) || StepBefore(shift.Source, shift.Node, ChannelsOf(convolution, weights)) is not { } scale
            || scale.Arithmetic.Shifts.Any(value => value != 0) || scale.Arithmetic.Factors.Any(factor => Math.Abs(factor) < 1e-6))
        {
            return false;
        }

        var graph = shift.Node.Graph;
        var quotients = shift.Arithmetic.Shifts.Zip(scale.Arithmetic.Factors, (value, factor) => (float)(value / factor)).ToArray();
        var constant = quotients.Distinct().Count() == 1
            ? TensorData.Create<float>([], [quotients[0]])
            : TensorData.Create<float>([1, quotients.Length, .. Enumerable.Repeat(1L, weights.Rank - 2)], quotients);
        graph.Replace(shift.Node, "Add", [scale.Source, graph.AddInitializer(shift.Node.Output.Name + "_shift", constant)]);
        Scale(convolution, weights, scale.Arithmetic.Factors);
        graph.Remove(scale.Node);
        return true;
    }

    private static Step? StepBefore(Value value, Node reader) => StepBefore(value, reader, ChannelsOf(reader, reader.Input(1)!.Constant!));

    /// <summary>The node that makes the value, where it is arithmetic with constants along channels, and nothing else reads what it makes.</summary>
    private static Step? StepBefore(Value value, Node reader, int channels)
    {
        if (value is not { IsGraphOutput: false, Consumers.Count: 1, Producer: { } node } || node.Graph != reader.Graph)
        {
            return null;
        }

        if (node.Is("BatchNormalization"))
        {
            return FoldBatchNormalization.ChannelArithmeticOf(node) is { } normalization && normalization.Factors.Length == channels ? new(node, node.Input(0)!, normalization) : null;
        }

        return (node.Is("Mul") || node.Is("Div") || node.Is("Add") || node.Is("Sub")) && node.Inputs is [{ } first, { } second]
            ? Arithmetic(node, first, second, channels) ?? (node.Is("Div") || node.Is("Sub") ? null : Arithmetic(node, second, first, channels))
            : null;
    }

    private static Step? Arithmetic(Node node, Value source, Value operand, int channels)
    {
        if (source.IsConstant || operand is not { IsConstant: true, Constant: { Type: ElementType.Float } constant } || Along(constant, channels) is not { } values)
        {
            return null;
        }

        var (zeros, ones) = (new double[channels], Enumerable.Repeat(1.0, channels).ToArray());
        return new(node, source, node.OpType switch
        {
            "Mul" => new(values, zeros),
            "Div" => new([.. values.Select(value => 1 / value)], zeros),
            "Sub" => new(ones, [.. values.Select(value => -value)]),
            _ => new(ones, values),
        });
    }

    /// <summary>One value a channel of a feature map, [batch, channels, …]; null for any other constant.</summary>
    private static double[]? Along(TensorData constant, int channels)
    {
        var values = constant.ToFloats();
        return values.Length == 1 && constant.Rank <= 1 ? [.. Enumerable.Repeat((double)values[0], channels)]
            : constant.Rank >= 3 && values.Length == channels && (constant.Rank == 3 ? constant.Dimensions[0] : constant.Dimensions[1]) == channels ? [.. values.Select(value => (double)value)]
            : null;
    }

    private static int ChannelsOf(Node convolution, TensorData weights) => (int)(weights.Dimensions[1] * convolution.Int("group", 1));

    private static bool IsUnpadded(Node convolution) =>
        convolution.Text("auto_pad", "NOTSET") is "NOTSET" or "VALID" && (convolution.Ints("pads") is { IsDefault: true } || convolution.Ints("pads").All(pad => pad == 0));

    /// <summary>Which input channel a weight multiplies: output channel o of m in g groups reads those of its group.</summary>
    private static Func<int, int> InputChannel(Node convolution, TensorData weights)
    {
        var inner = (int)weights.Dimensions.Skip(2).Aggregate(1L, (product, length) => product * length);
        var (inputs, outputsOfGroup) = ((int)weights.Dimensions[1], (int)(weights.Dimensions[0] / convolution.Int("group", 1)));
        return index => (index / inner / inputs / outputsOfGroup * inputs) + (index / inner % inputs);
    }

    private static void Scale(Node convolution, TensorData weights, double[] factors)
    {
        var channel = InputChannel(convolution, weights);
        var elements = weights.AsSpan<float>();
        var tensor = weights.Derive<float>(weights.Dimensions, out var scaled);
        for (var i = 0; i < scaled.Length; i++)
        {
            scaled[i] = (float)(elements[i] * factors[channel(i)]);
        }

        convolution.SetInput(1, convolution.Graph.AddInitializer(convolution.Input(1)!.Name + "_scaled", tensor));
    }

    private static void Shift(Node convolution, TensorData weights, double[] shifts)
    {
        var channel = InputChannel(convolution, weights);
        var elements = weights.AsSpan<float>();
        var bias = convolution.Input(2)?.Constant?.ToFloats().Select(value => (double)value).ToArray() ?? new double[weights.Dimensions[0]];
        for (var i = 0; i < elements.Length; i++)
        {
            bias[i / (elements.Length / bias.Length)] += elements[i] * shifts[channel(i)];
        }

        var name = convolution.Input(2)?.Name ?? convolution.Output.Name + "_bias";
        convolution.SetInput(2, convolution.Graph.AddInitializer(name + "_shifted", TensorData.Vector<float>([.. bias.Select(value => (float)value)])));
    }

    private sealed record Step(Node Node, Value Source, ChannelArithmetic Arithmetic);
}
