using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// HardSwish and the tanh form of GELU, however they are spelled, become the fewest operators that ONNX Runtime has fast kernels for, times a constant
/// where the spelling had one.
/// </summary>
internal sealed class RecognizeActivations : GraphPass
{
    public const string FastGelu = "FastGelu";
    public const string MicrosoftDomain = "com.microsoft";

    /// <summary>With fewer operators nothing is gained.</summary>
    private const int FewestNodes = 3;

    /// <summary>Single precision, and constants that exporters have rounded.</summary>
    private const double Tolerance = 1e-5;

    private static readonly double[] Points = [.. Enumerable.Range(-48, 97).Select(point => (point / 4.0) + 0.03)];

    private static readonly Activation[] Known =
    [
        new(x => x * Math.Clamp((x / 6) + 0.5, 0, 1), WriteHardSwish),
        new(x => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x)))), WriteGelu),
    ];

    public static bool IsFastGelu(Node node) => node.OpType == FastGelu && node.Domain == MicrosoftDomain;

    public override void Run(Model model)
    {
        foreach (var graph in Bodies.Scopes(model.Graph).ToArray())
        {
            // From the end, so that a constant factor behind an activation is found as part of it.
            for (var index = graph.Nodes.Count - 1; index >= 0; index--)
            {
                if (index < graph.Nodes.Count && graph.Nodes[index].Outputs is [{ } output] && ElementwiseFunction.EndingIn(output) is { Nodes.Count: >= FewestNodes } function)
                {
                    Recognize(model, function);
                }
            }
        }
    }

    private static void Recognize(Model model, ElementwiseFunction function)
    {
        foreach (var activation in Known)
        {
            if (FactorTo(function, activation.Function) is { } factor)
            {
                Replace(model, function, activation, factor);
                return;
            }
        }
    }

    /// <summary>c with f(x) = c · g(x) wherever they are compared; null where there is none.</summary>
    private static double? FactorTo(ElementwiseFunction function, Func<double, double> other)
    {
        var largest = Points[^1];
        var factor = function.At(largest) / other(largest);
        return double.IsFinite(factor) && factor != 0
            && Points.All(x => Math.Abs(function.At(x) - (factor * other(x))) <= Tolerance * Math.Abs(factor) * (1 + Math.Abs(x)))
            ? factor
            : null;
    }

    private static void Replace(Model model, ElementwiseFunction function, Activation activation, double factor)
    {
        var (last, source) = (function.Nodes[0], function.Source);
        var graph = last.Graph;
        if (Math.Abs(factor - 1) < Tolerance)
        {
            activation.Write(model, last, source);
        }
        else
        {
            var scaled = graph.AddNode("Identity", [source], last.Output.Name + "_activation", last);
            var constant = graph.AddInitializer(last.Output.Name + "_factor", TensorData.Create<float>([], [(float)factor]));
            graph.Replace(last, "Mul", [scaled.Output, constant]);
            activation.Write(model, scaled, source);
        }

        foreach (var node in function.Nodes.Skip(1))
        {
            graph.Remove(node);
        }
    }

    private static void WriteHardSwish(Model model, Node position, Value source)
    {
        var gate = position.Graph.AddNode("HardSigmoid", [source], position.Output.Name + "_gate", position).Set("alpha", 1f / 6).Set("beta", 0.5f);
        position.Graph.Replace(position, "Mul", [source, gate.Output]);
    }

    private static void WriteGelu(Model model, Node position, Value source)
    {
        if (!model.Opsets.ContainsKey(MicrosoftDomain))
        {
            model.SetOpset(MicrosoftDomain, 1);
        }

        position.Graph.Replace(position, FastGelu, [source], MicrosoftDomain);
    }

    private sealed record Activation(Func<double, double> Function, Action<Model, Node, Value> Write);
}
