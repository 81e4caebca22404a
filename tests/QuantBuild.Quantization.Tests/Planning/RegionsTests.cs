using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Locks;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Planning;

internal sealed class RegionsTests
{
    /// <summary>Four layers; the Add goes with the layer in front of it.</summary>
    private const string Chain =
        """
        opset 13
        graph g(x: float[1, 2, 3, 3]) -> (y: float) {
          w: float[2, 2, 1, 1] = [1, 2, 3, 4]
          a = Conv(x, w)
          b = Conv(a, w)
          s = Add(a, b)
          c = Conv(s, w)
          d = Conv(c, w)
          y = Erf(d)
        }
        """;

    [TestCase(1, true, new[] { "a" })]
    [TestCase(2, true, new[] { "a", "b", "s" })]
    [TestCase(1, false, new[] { "d" })]
    [TestCase(2, false, new[] { "c", "d" })]
    [TestCase(3, true, new string[0], TestName = "{m}(more than half)")]
    public void EndOf_IsSoManyLayersWithWhatGoesWithThem(int length, bool isFirst, string[] expected)
    {
        var model = GraphText.Parse(Chain);
        var sample = new Sample("one", ImmutableDictionary<string, TensorData>.Empty.Add("x", new TinyModels().Random([1, 2, 3, 3])), null);
        var placement = Placement.OfAll(model, new(ModelProfile.Of(model, sample), ModelForm.Of(new() { Format = ModelFormat.Qdq, Target = TargetName.Portable })));
        var region = Regions.Of(placement).Single();

        Assert.That(Regions.EndOf(region, placement, length, isFirst).Select(node => node.Output.Name), Is.EqualTo(expected));
    }

    /// <summary>A table of a megabyte is not given back for a hundredth of the time; a product runs on integers for its time.</summary>
    [TestCase("t", 1.05)]
    [TestCase("y", 1.01)]
    public void LeastSpeedup_WithoutWhatIsInt8ForItsSize_IsMoreThanCertain(string operatorName, double expected)
    {
        const int Rows = 8192;
        var random = new TinyModels();
        var model = TinyModels.Build(17, [1, 8], (graph, x) =>
        {
            var indices = graph.AddNode("Cast", [x], "indices").Set("to", (long)ElementType.Int64).Output;
            var rows = graph.AddNode("Gather", [graph.AddInitializer("table", random.Random(Rows, 32)), indices], "t").Output;
            return graph.AddNode("MatMul", [rows, graph.AddInitializer("w", random.Random(32, 16))], "y").Output;
        });
        var sample = new Sample("one", ImmutableDictionary<string, TensorData>.Empty.Add("x", TensorData.Create<float>([1, 8], [1, 2, 3, 4, 5, 6, 7, 8])), null);
        var placement = Placement.OfAll(model, new(ModelProfile.Of(model, sample), ModelForm.Of(new() { Format = ModelFormat.Dynamic })));
        var region = Regions.Of(placement).Single(nodes => nodes[0].Output.Name == operatorName);

        Assert.That(ModelTuner.LeastSpeedup(placement, region), Is.EqualTo(expected));
    }
}
