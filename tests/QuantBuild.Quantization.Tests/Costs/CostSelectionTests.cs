using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Costs;

/// <summary>What Auto chooses by the tables that are shipped.</summary>
internal sealed class CostSelectionTests
{
    [TestCase(TargetName.Vnni)]
    [TestCase(TargetName.X64)]
    public void ChainOfWideConvolutions_IsStatic(TargetName target) => Assert.That(
        FormsOf(target, Chain(64, 28, 3), 64, 28), Is.EqualTo(new[] { UnitForm.Static, UnitForm.Static, UnitForm.Static }));

    [Test]
    public void ConvolutionTooSmallForItsConversions_StaysFloat_AndTheReasonHasTheTimes()
    {
        var placement = Place(TargetName.X64, Chain(8, 3, 1), [1, 8, 3, 3]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(placement.Units, Is.Empty);
            Assert.That(placement.Reasons.Values, Has.Some.Match("INT8 does not pay here: its kernel is predicted to take .* µs"));
        }
    }

    /// <summary>As in a keyword spotter, whose INT8 model was predicted to be 1.07 times as fast and was slower on every processor.</summary>
    [Test]
    public void LayersThatSaveLittleInAll_StayFloat_AndTheReasonSaysSo()
    {
        string Pair(int index) => $$"""
            d{{index}} = Conv({{(index == 0 ? "x" : $"p{index - 1}")}}, k) {group = 64, pads = [1, 1, 1, 1]}
              p{{index}} = Conv(d{{index}}, w)
            """;
        var model = GraphText.Parse(
            $$"""
            opset 13
            graph g(x: float[1, 64, 25, 5]) -> (y: float) {
              k: float[64, 1, 3, 3] = [{{string.Join(", ", Enumerable.Repeat("0.5", 64 * 9))}}]
              w: float[64, 64, 1, 1] = [{{string.Join(", ", Enumerable.Repeat("0.5", 64 * 64))}}]
              {{string.Join("\n  ", Enumerable.Range(0, 4).Select(Pair))}}
              y = Erf(p3)
            }
            """);

        var placement = Place(TargetName.X64, model, [1, 64, 25, 5]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(placement.Units, Is.Empty);
            Assert.That(placement.Reasons[model.Graph.Nodes[1]], Does.Match(@"^INT8 is predicted to save \d\.\d µs in all, less than such predictions are wrong by$"));
        }
    }

    /// <summary>Bytes are shuffled so much faster than floats that the conversions are predicted to pay; all that the model would get for it is rounding.</summary>
    [Test]
    public void DepthToSpaceBetweenFloatOperators_StaysFloat()
    {
        var model = GraphText.Parse(
            """
            opset 13
            graph g(x: float[1, 9, 224, 224]) -> (y: float) {
              e = Erf(x)
              y = DepthToSpace(e) {blocksize = 3}
            }
            """);

        var placement = Place(TargetName.Vnni, model, [1, 9, 224, 224]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(placement.Units, Is.Empty);
            Assert.That(placement.Reasons[model.Graph.Nodes[1]], Is.EqualTo("it only moves elements, and nothing beside it computes in INT8"));
        }
    }

    [Test]
    public void LoneAveragePool_StaysFloat_BetweenStaticConvolutions()
    {
        var model = GraphText.Parse(
            $$"""
            opset 13
            graph g(x: float[1, 64, 28, 28]) -> (y: float) {
              {{Weights("w", 64, 64)}}
              {{Weights("v", 64, 64)}}
              a = Conv(x, w) {pads = [1, 1, 1, 1]}
              p = AveragePool(a) {kernel_shape = [2, 2], strides = [2, 2]}
              y = Conv(p, v) {pads = [1, 1, 1, 1]}
            }
            """);

        var placement = Place(TargetName.Vnni, model, [1, 64, 28, 28]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(placement.Units.Select(unit => unit.Node.OpType), Is.EqualTo(new[] { "Conv", "Conv" }));
            Assert.That(placement.Reasons.Keys.Select(node => node.OpType), Is.EqualTo(new[] { "AveragePool" }));
        }
    }

    /// <summary>Its own kernel is slower in INT8, and no sum behind it needs a Transpose then.</summary>
    [TestCase(0, new[] { "c0", "c1" })]
    [TestCase(3, new[] { "stem", "s0", "s1", "s2", "c0", "c1" })]
    public void StemOfAResidualTrunk_IsStaticForTheSumsBehindIt(int blocks, string[] expected)
    {
        string Behind(int block) => block == 0 ? "stem" : $"s{block - 1}";
        var model = GraphText.Parse(
            $$"""
            opset 13
            graph g(x: float[1, 3, 32, 32]) -> (c1: float) {
              {{Weights("first", 16, 3)}}
              {{Weights("w", 16, 16)}}
              stem = Conv(x, first) {pads = [1, 1, 1, 1]}
              {{string.Join("\n  ", Enumerable.Range(0, blocks).Select(index => $"b{index} = Conv({Behind(index)}, w) {{pads = [1, 1, 1, 1]}}\n  s{index} = Add(b{index}, {Behind(index)})"))}}
              c0 = Conv({{Behind(blocks)}}, w) {pads = [1, 1, 1, 1]}
              c1 = Conv(c0, w) {pads = [1, 1, 1, 1]}
            }
            """);

        var names = Place(TargetName.X64, model, [1, 3, 32, 32]).Units.Select(unit => unit.Node.Output.Name).Where(name => name[0] != 'b');

        Assert.That(names, Is.EquivalentTo(expected));
    }

    [Test]
    public void MatMulsBetweenFloatOperators_AreDynamicOrStatic_AndNeverFloat()
    {
        var model = GraphText.Parse(
            $$"""
            opset 13
            graph g(x: float[64, 256]) -> (y: float) {
              w: float[256, 256] = [{{string.Join(", ", Enumerable.Repeat("0.5", 256 * 256))}}]
              e = Erf(x)
              m = MatMul(e, w)
              y = Erf(m)
            }
            """);

        var unit = Place(TargetName.Vnni, model, [64, 256]).Units.Single();

        Assert.That(unit.Form, Is.AnyOf(UnitForm.Static, UnitForm.Dynamic));
    }

    [Test]
    public void NodeThatMayNotBeStatic_TakesWhatIsFastestWithoutIt()
    {
        var model = GraphText.Parse(
            $$"""
            opset 13
            graph g(x: float[64, 256]) -> (y: float) {
              w: float[256, 256] = [{{string.Join(", ", Enumerable.Repeat("0.5", 256 * 256))}}]
              y = MatMul(x, w)
            }
            """);
        var context = ContextOf(TargetName.Vnni, model, [64, 256]);

        var placement = Placement.Of(model.Graph, context, FormRefusals.None.With(model.Graph.Nodes[0], UnitForm.Static, "asked for"));

        Assert.That(placement.Units.Single().Form, Is.EqualTo(UnitForm.Dynamic));
    }

    [Test]
    public void Locked_TakesExactlyWhatItIsTold()
    {
        var model = Chain(64, 28, 3);
        var context = ContextOf(TargetName.Vnni, model, [1, 64, 28, 28]);

        var placement = Placement.Locked(model.Graph, context, new Dictionary<string, UnitForm> { ["c1"] = UnitForm.Static });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(placement.Units.Select(unit => unit.Node.Output.Name), Is.EqualTo(new[] { "c1" }));
            Assert.That(placement.Reasons[model.Graph.Nodes[0]], Does.Contain("lock file"));
        }
    }

    private static UnitForm[] FormsOf(TargetName target, Model model, int channels, int side) =>
        [.. Place(target, model, [1, channels, side, side]).Units.Select(unit => unit.Form)];

    private static Placement Place(TargetName target, Model model, long[] shape) => Placement.OfAll(model, ContextOf(target, model, shape));

    private static OperatorContext ContextOf(TargetName target, Model model, long[] shape)
    {
        var inputs = new TinyModels().Random([.. shape]);
        return new(
            ModelProfile.Of(model, new Sample("one", ImmutableDictionary<string, TensorData>.Empty.Add("x", inputs), null)),
            ModelForm.Of(new() { Format = ModelFormat.Auto, Target = target }));
    }

    private static Model Chain(int channels, int side, int length) => GraphText.Parse(
        $$"""
        opset 13
        graph g(x: float[1, {{channels}}, {{side}}, {{side}}]) -> (c{{length - 1}}: float) {
          {{Weights("w", channels, channels)}}
          {{string.Join("\n  ", Enumerable.Range(0, length).Select(index => $"c{index} = Conv({(index == 0 ? "x" : $"c{index - 1}")}, w) {{pads = [1, 1, 1, 1]}}"))}}
        }
        """);

    private static string Weights(string name, int outputs, int inputs) =>
        $"{name}: float[{outputs}, {inputs}, 3, 3] = [{string.Join(", ", Enumerable.Repeat("0.5", outputs * inputs * 9))}]";
}
