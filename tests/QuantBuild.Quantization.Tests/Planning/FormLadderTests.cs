using QuantBuild.Onnx;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Tests.Planning;

/// <summary>Where no costs are known a step to float counts 1, and one to another form a twentieth of that.</summary>
internal sealed class FormLadderTests
{
    private const UnitForm Static = UnitForm.Static;
    private const UnitForm Dynamic = UnitForm.Dynamic;
    private const UnitForm WeightOnly = UnitForm.WeightOnly;

    [Test]
    public void GivenUp_AllowedHarmIsAboveTheSum_IsNothing()
    {
        var ladder = Ladder(("a", Static, 1), ("b", Static, 5), ("c", Static, 3));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(ladder.Harm, Is.EqualTo(9));
            Assert.That(ladder.GivenUp(9), Is.Empty);
            Assert.That(ladder.GivenUp(100), Is.Empty);
        }
    }

    /// <summary>Down to 4, to 1, and to nothing.</summary>
    [TestCase(8.9, "b")]
    [TestCase(4, "b")]
    [TestCase(3.9, "b", "c")]
    [TestCase(0.9, "b", "c", "a")]
    public void GivenUp_UnitsThatSaveTheSame_BeginsWithTheMostHarm(double allowed, params string[] units) => Assert.That(
        GivenUp(Ladder(("a", Static, 1), ("b", Static, 5), ("c", Static, 3)), allowed), Is.EqualTo(units.Select(unit => (unit, Static))));

    /// <summary>Other forms of the small ones are the best bargains; but the large one is too much by itself, and it is enough.</summary>
    [Test]
    public void GivenUp_LargeOneExceedsTheBudgetAlone_TheSmallOnesBeforeItAreTakenBack()
    {
        var ladder = Ladder(("large", Static, 8), ("a", Static, 0.6), ("a", Dynamic, 0.1), ("b", Static, 0.7), ("b", Dynamic, 0.1));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(GivenUp(ladder, 8.8), Is.EqualTo([("b", Static)]));
            Assert.That(GivenUp(ladder, 8.5), Is.EquivalentTo([("a", Static), ("b", Static)]));
            Assert.That(GivenUp(ladder, 5), Is.EqualTo([("large", Static)]));
            // Without it the small ones do 1.3, of which the other form of one takes enough away.
            Assert.That(GivenUp(ladder, 0.8), Is.EquivalentTo([("large", Static), ("b", Static)]));
        }
    }

    [Test]
    public void GivenUp_AlternativeIsTheBetterBargain_IsTakenFirstAndFloatLast()
    {
        var ladder = Ladder(("a", Static, 10), ("a", Dynamic, 4));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(ladder.Harm, Is.EqualTo(10), "only what is wanted counts");
            Assert.That(GivenUp(ladder, 9), Is.EqualTo([("a", Static)]));
            Assert.That(GivenUp(ladder, 3), Is.EqualTo([("a", Static), ("a", Dynamic)]));
        }
    }

    /// <summary>Both cost the same, so that the one that harms more is passed over, and must not come back later.</summary>
    [Test]
    public void GivenUp_OneAlternativeBeatsAnother_SkipsTheOther()
    {
        var ladder = Ladder(("a", Static, 10), ("a", Dynamic, 4), ("a", WeightOnly, 3.9));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(GivenUp(ladder, 9), Is.EquivalentTo([("a", Static), ("a", Dynamic)]));
            Assert.That(GivenUp(ladder, 3), Is.EquivalentTo([("a", Static), ("a", Dynamic), ("a", WeightOnly)]));
        }
    }

    /// <summary>0.1 for a twentieth is a worse bargain than 10 for 1, and a form that does more harm is none at all.</summary>
    [TestCase(9.9)]
    [TestCase(11)]
    public void GivenUp_AlternativeIsNoBargain_GoesStraightToFloat(double harm) => Assert.That(
        GivenUp(Ladder(("a", Static, 10), ("a", Dynamic, harm)), 9.95), Is.EquivalentTo([("a", Static), ("a", Dynamic)]));

    /// <summary>Also those that do no harm, and those that nobody would take.</summary>
    [Test]
    public void GivenUp_NothingIsLittleEnough_IsEveryFormOfEveryUnit()
    {
        (string Unit, UnitForm Form, double Harm)[] forms =
            [("a", Static, 2), ("a", Dynamic, 1), ("a", WeightOnly, 3), ("b", Static, 0), ("c", Static, 1), ("c", Dynamic, 1), ("d", Dynamic, 0.5)];

        Assert.That(GivenUp(Ladder(forms), double.NegativeInfinity), Is.EquivalentTo(forms.Select(form => (form.Unit, form.Form))));
    }

    /// <summary>What is left keeps to the budget, and no unit that is float could have its best form back.</summary>
    [Test]
    public void GivenUp_AnyBudget_IsEnoughAndNotTooMuch([Range(1, 20)] int seed)
    {
        var units = RandomUnits(seed);
        var ladder = Ladder([.. units.SelectMany(unit => unit)]);
        foreach (var allowed in Enumerable.Range(0, 12).Select(step => ladder.Harm * step / 10))
        {
            var given = GivenUp(ladder, allowed).ToHashSet();
            bool IsGivenUp((string Unit, UnitForm Form, double Harm) form) => given.Contains((form.Unit, form.Form));

            // The ladder goes down from the wanted form to the one with the least harm, since the others cost no less.
            var left = units.Sum(unit => IsGivenUp(unit[0]) ? unit.Where(form => !IsGivenUp(form)).Select(form => form.Harm).DefaultIfEmpty().Min() : unit[0].Harm);
            using (Assert.EnterMultipleScope())
            {
                Assert.That(left, Is.LessThanOrEqualTo(allowed + 1e-9));
                Assert.That(units.Where(unit => unit.All(IsGivenUp)).Select(unit => left + unit.Min(form => form.Harm)), Has.All.GreaterThan(allowed - 1e-9));
            }
        }
    }

    [Test]
    public void GivenUp_UnitsInAnotherOrder_IsTheSame([Range(1, 20)] int seed)
    {
        var units = RandomUnits(seed);
        var ladder = Ladder([.. units.SelectMany(unit => unit)]);
        new Random(seed).Shuffle(units);
        var other = Ladder([.. units.SelectMany(unit => unit)]);

        foreach (var allowed in Enumerable.Range(0, 12).Select(step => ladder.Harm * (step + 0.5) / 10).Append(double.NegativeInfinity))
        {
            Assert.That(GivenUp(other, allowed), Is.EqualTo(GivenUp(ladder, allowed)));
        }
    }

    /// <summary>Units of the same harm: their names alone decide.</summary>
    [Test]
    public void GivenUp_UnitsThatAreAlike_GoByName() =>
        Assert.That(GivenUp(Ladder(("b", Static, 1), ("c", Static, 1), ("a", Static, 1)), 1.5), Is.EqualTo([("a", Static), ("b", Static)]));

    [Test]
    public void GivenUp_NoUnits_IsNothing()
    {
        var ladder = Ladder();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(ladder.Harm, Is.Zero);
            Assert.That(ladder.GivenUp(double.NegativeInfinity), Is.Empty);
        }
    }

    /// <summary>Twelve units, the wanted form of each first. Other forms do clearly less harm, or more.</summary>
    private static (string Unit, UnitForm Form, double Harm)[][] RandomUnits(int seed)
    {
        var random = new Random(seed);
        return
        [
            .. Enumerable.Range(0, 12).Select(index =>
            {
                var harm = Math.Pow(random.NextDouble(), 4);
                UnitForm[] others = [.. new[] { Dynamic, WeightOnly }.Where(_ => random.Next(2) == 0)];
                return others.Select(form => ($"unit{index}", form, harm * (random.Next(4) == 0 ? 1.5 : random.NextDouble() * 0.9))).Prepend(($"unit{index}", Static, harm)).ToArray();
            }),
        ];
    }

    /// <summary>The first form of each unit is the one that is wanted.</summary>
    private static FormLadder Ladder(params (string Unit, UnitForm Form, double Harm)[] forms)
    {
        var graph = Model.Create("tiny", 17).Graph;
        var (x, w) = (graph.AddInput("x"), graph.AddInitializer("w", TensorData.Vector(1f)));
        var units = forms.GroupBy(form => form.Unit).ToDictionary(
            unit => graph.AddNode("MatMul", [x, w], unit.Key),
            unit => unit.ToArray());
        QuantizedUnit Unit(Node node, UnitForm form) => new(node, OperatorRules.Of(node)!, form, null);
        return new(
            units.Select(unit => Unit(unit.Key, unit.Value[0].Form)), units.SelectMany(unit => unit.Value.Skip(1).Select(form => Unit(unit.Key, form.Form))),
            form => units[form.Node].Single(one => one.Form == form.Form).Harm, null);
    }

    private static IEnumerable<(string Unit, UnitForm Form)> GivenUp(FormLadder ladder, double harm) =>
        ladder.GivenUp(harm).Select(form => (form.Node.Output.Name, form.Form));
}
