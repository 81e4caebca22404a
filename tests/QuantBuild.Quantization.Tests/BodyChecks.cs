using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests;

/// <summary>Quantizes models with bodies, compares what they compute, and keeps the kernels that ONNX Runtime has in the bodies.</summary>
internal abstract class BodyChecks
{
    private const double LowestSqnrDb = 25;

    private readonly TinyModels _tiny = new();

    protected string[] Kernels { get; private set; } = [];

    protected QuantizationResult Verify(Model model, ImmutableArray<long> shape, QuantizationSettings settings)
    {
        var (result, expected, actual) = _tiny.Quantize(model, shape, settings);
        var optimized = OptimizedGraph.Of(result.Model);
        Node[] bodies = [.. optimized.AllNodes.Except(optimized.Nodes)];
        Kernels = [.. bodies.Select(node => node.OpType)];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(actual.Dimensions, Is.EqualTo(expected.Dimensions));
            Assert.That(TinyModels.SqnrDb(expected, actual), Is.GreaterThan(LowestSqnrDb).And.LessThan(110));
        }

        return result;
    }

    /// <summary>A line with random elements.</summary>
    protected string Weights(string name, params ImmutableArray<long> shape) =>
        FormattableString.Invariant($"{name}: float[{string.Join(", ", shape)}] = [{string.Join(", ", _tiny.Random(shape).ToFloats().Select(element => element.ToString("r", System.Globalization.CultureInfo.InvariantCulture)))}]");
}
