using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Costs;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Planning;

/// <summary>Convolutions of 12 channels one behind another, by the table of costs: in INT8 each saves about as much as a border between INT8 and float costs.</summary>
internal sealed class HarmCutTests
{
    private const int Channels = 12;
    private const int Side = 14;
    private const int Length = 9;

    private static readonly ImmutableArray<double> LittleHarm = [.. Enumerable.Repeat(0.01, Length)];

    [Test]
    public void GivenUp_AllowedHarmIsAboveTheSum_IsNothing() => Assert.That(GivenUp(LittleHarm, 1), Is.Empty);

    /// <summary>By itself it would be float already, and harms no more than the others.</summary>
    [Test]
    public void GivenUp_LayerBetweenTwoThatHarm_GoesWithThem() => Assert.That(
        GivenUp(LittleHarm.SetItem(4, 5).SetItem(6, 5), 1), Is.SupersetOf(new[] { "c4", "c5", "c6" }).And.Not.Contain("c0"));

    [Test]
    public void GivenUp_NothingMayBeHarmed_IsAllThatHarms() =>
        Assert.That(GivenUp([.. LittleHarm.Select((harm, index) => index < 4 ? 0 : harm)], 0), Is.EquivalentTo(Enumerable.Range(4, Length - 4).Select(index => $"c{index}")));

    [Test]
    public void GivenUp_FormWhoseHarmIsUnknown_IsNotTaken()
    {
        var (model, context) = Chain();
        var convolutions = model.Graph.Nodes.Where(node => node.Is("Conv")).ToArray();

        var placement = Placement.Of(model.Graph, Charged(context, node => node == convolutions[0] ? null : 0), FormRefusals.None);

        Assert.That(placement.Units.Select(unit => unit.Node), Does.Not.Contain(convolutions[0]).And.Contain(convolutions[1]));
    }

    /// <summary>What is left keeps to the budget, and in some cases it takes less time than what one gets that looks at each convolution by itself.</summary>
    [Test]
    public void GivenUp_AnyBudget_IsEnoughAndMayBeFasterThanOneByOne()
    {
        var faster = 0;
        foreach (var seed in Enumerable.Range(1, 20))
        {
            var random = new Random(seed);
            var (model, context) = Chain();
            var harms = model.Graph.Nodes.ToDictionary(node => node, _ => Math.Pow(random.NextDouble(), 3));
            var prediction = new LatencyPrediction(model, context.Costs!);
            var ladder = new FormLadder(Placement.OfAll(model, context).Units, [], form => harms[form.Node], context.Costs);
            var cut = Cut(model, context, form => harms[form.Node]);
            foreach (var most in Enumerable.Range(1, 9).Select(step => ladder.Harm * step / 10))
            {
                Placement[] together = [.. cut.GivenUp(most).Select(givenUp => Without(model, context, givenUp))];

                Assert.That(together.Select(placement => placement.Units.Sum(unit => harms[unit.Node])), Is.Not.Empty.And.All.LessThanOrEqualTo(most));
                faster += together.Min(prediction.TimeOf) < prediction.TimeOf(Without(model, context, ladder.GivenUp(most))) ? 1 : 0;
            }
        }

        Assert.That(faster, Is.GreaterThan(20), "of 180");
    }

    private static Placement Without(Model model, OperatorContext context, IReadOnlyCollection<(Node Node, UnitForm Form)> givenUp) =>
        Placement.Of(model.Graph, context, FormRefusals.None.With(givenUp.Select(form => form.Node), [UnitForm.Static], "given up"));

    private static string[] GivenUp(ImmutableArray<double> harms, double most)
    {
        var (model, context) = Chain();
        var cut = Cut(model, context, form => harms[int.Parse(form.Node.Output.Name[1..])]);
        return [.. cut.GivenUp(most).First().Select(form => form.Node.Output.Name)];
    }

    private static HarmCut Cut(Model model, OperatorContext context, Func<(Node Node, UnitForm Form), double> harm) => new(
        Placement.OfAll(model, context).Units, harm, context.Costs!,
        price => Placement.Of(model.Graph, Charged(context, node => price * harm((node, UnitForm.Static))), FormRefusals.None));

    private static OperatorContext Charged(OperatorContext context, Func<Node, double?> surcharge) =>
        context with { Costs = context.Costs!.With((node, _) => surcharge(node)) };

    private static (Model Model, OperatorContext Context) Chain()
    {
        var model = GraphText.Parse(
            $$"""
            opset 13
            graph g(x: float[1, {{Channels}}, {{Side}}, {{Side}}]) -> (c{{Length - 1}}: float) {
              w: float[{{Channels}}, {{Channels}}, 3, 3] = [{{string.Join(", ", Enumerable.Repeat("0.5", Channels * Channels * 9))}}]
              {{string.Join("\n  ", Enumerable.Range(0, Length).Select(index => $"c{index} = Conv({(index == 0 ? "x" : $"c{index - 1}")}, w) {{pads = [1, 1, 1, 1]}}"))}}
            }
            """);
        var sample = new Sample("one", ImmutableDictionary<string, TensorData>.Empty.Add("x", new TinyModels().Random([1, Channels, Side, Side])), null);
        return (model, new(ModelProfile.Of(model, sample), ModelForm.Of(new() { Format = ModelFormat.Auto, Target = TargetName.Vnni })));
    }
}
