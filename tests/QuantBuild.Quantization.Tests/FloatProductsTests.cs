using QuantBuild.Onnx;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Tests;

/// <summary>A product of integers with an activation behind it is one in ONNX Runtime, too, whoever reads the activation.</summary>
internal sealed class FloatProductsTests
{
    [Test]
    public void ProductInFrontOfAnActivation_RunsOnIntegers(
        [Values("MatMul", "Gemm")] string product, [Values("Relu", "Clip(0,1)", "Clip(-1,1)", "Clip(-1,)", "Clip(,1)")] string activation, [Values("Sin", "MatMul")] string reader)
    {
        var tiny = new TinyModels();
        var model = TinyModels.Build(13, [1, 64], (graph, x) =>
        {
            var made = graph.AddNode(product, [x, graph.AddInitializer("w", tiny.Random(64, 256))], "product").Output;
            var active = Activate(graph, activation, made);
            return reader == "Sin" ? graph.AddNode("Sin", [active], "read").Output : graph.AddNode("MatMul", [active, graph.AddInitializer("w2", tiny.Random(256, 8))], "read").Output;
        });

        var (result, expected, actual) = tiny.Quantize(model, [1, 64]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Report.Operators.Single(row => row.Name == "product").Decision, Is.EqualTo(OperatorDecision.Int8));
            Assert.That(result.Report.Audit!.LeftOver, Is.Empty);
            Assert.That(actual.ToFloats(), Is.EqualTo(expected.ToFloats()).Within(0.08 * expected.ToFloats().Max(Math.Abs)));
        }
    }

    private static Value Activate(Graph graph, string activation, Value value) => activation switch
    {
        "Relu" => graph.AddNode("Relu", [value], "active").Output,
        _ => graph.AddNode("Clip", [value, .. activation[5..^1].Split(',').Select((limit, index) => limit.Length == 0 ? null : graph.AddInitializer($"limit{index}", TensorData.Scalar(float.Parse(limit, System.Globalization.CultureInfo.InvariantCulture))))], "active").Output,
    };
}
