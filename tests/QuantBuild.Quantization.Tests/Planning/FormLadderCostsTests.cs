using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Planning;

/// <summary>
/// Products of 64 rows by a table of costs: in INT8 one with 512 × 512 weights saves about 130 µs, one with 256 × 256 weights 32 of 47 µs (under ranges of
/// each run's own 1 µs less, with integer weights alone nothing), and one with 64 × 64 weights 1 µs. With 8 × 8 INT8 is slower than the 0.2 µs of float,
/// of which a twentieth counts as saved.
/// </summary>
internal sealed class FormLadderCostsTests
{
    private const UnitForm Static = UnitForm.Static;
    private const UnitForm Dynamic = UnitForm.Dynamic;
    private const UnitForm WeightOnly = UnitForm.WeightOnly;

    private static readonly Dictionary<string, long> Sizes = new() { ["huge"] = 512, ["large"] = 256, ["small"] = 64, ["other"] = 64, ["third"] = 64, ["slower"] = 8 };

    [Test]
    public void GivenUp_SameHarm_BeginsWithWhatSavesLess() =>
        Assert.That(GivenUp([("large", Static, 1), ("small", Static, 1)], 1.5), Is.EqualTo([("small", Static)]));

    [TestCase(16, "small")]
    [TestCase(64, "large")]
    public void GivenUp_MoreHarmForMoreTime_GoesByHarmForTheTime(double harm, string first) =>
        Assert.That(GivenUp([("large", Static, harm), ("small", Static, 1)], harm + 0.5), Is.EqualTo([(first, Static)]));

    /// <summary>About 10 ns against about 1000 ns, for which 1 goes.</summary>
    [TestCase(0.02, "slower")]
    [TestCase(0.005, "small")]
    public void GivenUp_UnitThatSavesNothing_CountsWithAShareOfItsTime(double harm, string first) =>
        Assert.That(GivenUp([("slower", Static, harm), ("small", Static, 1)], 1 + (harm / 2)), Is.EqualTo([(first, Static)]));

    [Test]
    public void GivenUp_LargeOneExceedsTheBudgetAlone_TheSmallOnesBeforeItAreTakenBack()
    {
        (string, UnitForm, double)[] forms = [("large", Static, 16), ("small", Static, 1), ("other", Static, 1), ("third", Static, 1)];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(GivenUp(forms, 16.5), Has.Length.EqualTo(3).And.No.Member(("large", Static)));
            Assert.That(GivenUp(forms, 10), Is.EqualTo([("large", Static)]));
        }
    }

    /// <summary>Once the huge one is gone there is room for 33 again, and that is more time with the large one than with the small one.</summary>
    [Test]
    public void GivenUp_RoomForOneOfTwo_TakesBackTheOneThatSavesMore() => Assert.That(
        GivenUp([("huge", Static, 70), ("large", Static, 32), ("small", Static, 2)], 33), Is.EquivalentTo([("huge", Static), ("small", Static)]));

    /// <summary>A form that costs hardly any time counts with a twentieth of what is saved: then 2 of 10 is the better bargain, and 0.2 is not.</summary>
    [TestCase(8, false)]
    [TestCase(9.8, true)]
    public void GivenUp_AlternativeThatIsAsFast_IsTakenWhereItIsTheBetterBargain(double harm, bool isSkipped) => Assert.That(
        GivenUp([("large", Static, 10), ("large", Dynamic, harm)], 9.9),
        Is.EquivalentTo(isSkipped ? [("large", Static), ("large", Dynamic)] : new[] { ("large", Static) }));

    [TestCase(7, 1)]
    [TestCase(2, 2)]
    [TestCase(0.05, 3)]
    public void GivenUp_AlternativesThatCostMoreAndMore_AreTakenOneAfterTheOther(double allowed, int count)
    {
        (string Unit, UnitForm Form, double Harm)[] forms = [("large", Static, 10), ("large", WeightOnly, 0.1), ("large", Dynamic, 5)];

        Assert.That(GivenUp(forms, allowed), Is.EqualTo(new[] { ("large", Static), ("large", Dynamic), ("large", WeightOnly) }.Take(count)));
    }

    /// <summary>Nothing is known of a product whose shapes no run has shown: it counts as the mean of the others.</summary>
    [Test]
    public void GivenUp_UnitOfUnknownCost_LiesBetweenTheOthers()
    {
        (string, UnitForm, double)[] forms = [("large", Static, 1), ("unknown", Static, 1), ("small", Static, 1)];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(GivenUp(forms, 2.5), Is.EqualTo([("small", Static)]));
            Assert.That(GivenUp(forms, 1.5), Is.EqualTo([("small", Static), ("unknown", Static)]));
        }
    }

    /// <summary>The first form of each unit is the one that is wanted.</summary>
    private static (string Unit, UnitForm Form)[] GivenUp((string Unit, UnitForm Form, double Harm)[] forms, double allowed)
    {
        var graph = Model.Create("tiny", 17).Graph;
        var shapes = ImmutableDictionary<string, ValueProfile>.Empty;
        var nodes = new Dictionary<string, Node>();
        foreach (var name in forms.Select(form => form.Unit).Distinct())
        {
            var size = Sizes.GetValueOrDefault(name, 1);
            var weights = TensorData.Create<float>([size, size], new float[size * size]);
            nodes[name] = graph.AddNode("MatMul", [graph.AddInput(name + "_x"), graph.AddInitializer(name + "_w", weights)], name);
            shapes = Sizes.ContainsKey(name) ? shapes.Add(name, new(ElementType.Float, [64, size])) : shapes;
        }

        QuantizedUnit Unit((string Name, UnitForm Form, double Harm) form) => new(nodes[form.Name], OperatorRules.Of(nodes[form.Name])!, form.Form, null);
        var costs = new OperatorContext(new(shapes), ModelForm.Of(new() { Format = ModelFormat.Auto, Target = TargetName.Vnni })).Costs!;
        var wanted = forms.DistinctBy(form => form.Unit).ToArray();
        var ladder = new FormLadder(
            wanted.Select(Unit), forms.Except(wanted).Select(Unit), form => forms.Single(one => nodes[one.Unit] == form.Node && one.Form == form.Form).Harm, costs);
        return [.. ladder.GivenUp(allowed).Select(form => (form.Node.Output.Name, form.Form))];
    }
}
