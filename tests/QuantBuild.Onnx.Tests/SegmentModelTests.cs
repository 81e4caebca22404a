namespace QuantBuild.Onnx.Tests;

/// <summary>Nodes from the middle of a graph as a model of their own.</summary>
internal sealed class SegmentModelTests
{
    /// <summary>The If reads a constant and a value of its own segment in one branch, and deeper down a value from before the segment.</summary>
    private const string Whole =
        """
        ir 9
        opset 17, custom 3
        producer "some one"
        graph whole(x: float[N, 4], flag: bool[]) -> (y: float[N, 4], early: float) {
          unread: float[4] = [9, 9, 9, 9]
          w: float[2, 2] = [1, 2, 3, 4]
          captured: float[2] = [5, 6]
          thin: sparse float[2] = float[1] [7] at int64[1] [1]
          a: float[N, 2] = Split(x)
          early = Neg(x)
          m: float[N, 2] = MatMul(a, w) as product
          n = If(flag) {
            then_branch = graph then() -> (t: float) {
              t = Add(m, captured)
            },
            else_branch = graph else() -> (e: float) {
              e = If(flag) {
                then_branch = graph deep() -> (d: float) {
                  d = custom::shift(early, thin)
                },
                else_branch = graph other() -> (o: float) {
                  o = Neg(m)
                }
              }
            }
          }
          p: float[N, 2] = Mul(n, a) {axis = 1}
          y = Tanh(p)
        }
        function custom::shift(a, b) -> (c) opset 17 {
          c = Add(a, b)
        }

        """;

    private const string Segment =
        """
        ir 9
        opset 17, custom 3
        producer "some one"
        graph whole(a: float[N, 2], flag: bool[], early: float) -> (p: float[N, 2]) {
          w: float[2, 2] = [1, 2, 3, 4]
          captured: float[2] = [5, 6]
          thin: sparse float[2] = float[1] [7] at int64[1] [1]
          m = MatMul(a, w) as product
          n = If(flag) {
            then_branch = graph then() -> (t: float) {
              t = Add(m, captured)
            },
            else_branch = graph else() -> (e: float) {
              e = If(flag) {
                then_branch = graph deep() -> (d: float) {
                  d = custom::shift(early, thin)
                },
                else_branch = graph other() -> (o: float) {
                  o = Neg(m)
                }
              }
            }
          }
          p = Mul(n, a) {axis = 1}
        }
        function custom::shift(a, b) -> (c) opset 17 {
          c = Add(a, b)
        }

        """;

    [Test]
    public void Extract_NodesInTheMiddle_AreAModelOfWhatTheyReadAndDoNotMake() =>
        Assert.That(GraphText.Print(Extract(GraphText.Parse(Whole), "m", "n", "p")), Is.EqualTo(Segment.ReplaceLineEndings("\n")));

    /// <summary>The body of the If alone reads them, one branch deeper than the other.</summary>
    [Test]
    public void Extract_IfAlone_WhatItsBodiesCaptureComesInOrStaysConstant()
    {
        var segment = Extract(GraphText.Parse(Whole), "n").Graph;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(segment.Inputs.Select(input => input.Name), Is.EquivalentTo(["flag", "m", "early"]));
            Assert.That(segment.Initializers.Select(value => value.Name), Is.EqualTo(["captured"]));
            Assert.That(GraphVerifier.Violations(segment), Is.Empty);
        }
    }

    [Test]
    public void Extract_DeclaredTypes_AreKeptAndNoneIsMadeUp()
    {
        var segment = Extract(GraphText.Parse(Whole), "m", "n").Graph;

        var (declared, undeclared) = (segment.Find("a")!, segment.Outputs.Single());
        using (Assert.EnterMultipleScope())
        {
            Assert.That(declared.DeclaredType, Is.EqualTo(ElementType.Float));
            Assert.That(declared.DeclaredShape, Is.EqualTo(new long?[] { null, 2 }));
            Assert.That(segment.Find("flag")!.DeclaredType, Is.EqualTo(ElementType.Boolean));
            Assert.That(undeclared.Name, Is.EqualTo("n"));
            Assert.That(undeclared.DeclaredType, Is.EqualTo(ElementType.Undefined));
        }
    }

    /// <summary>Old exporters list weights among the inputs: such a weight may come in, and is there where it does not.</summary>
    [Test]
    public void Extract_InitializerThatIsAnInputToo_StaysBoth()
    {
        var model = GraphText.Parse("opset 17 graph g(x: float[2], w: float[2]) -> (y) { w: float[2] = [1, 2] a = Relu(x) y = Add(a, w) }");

        var segment = Extract(model, "y").Graph;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(segment.Inputs.Select(input => input.Name), Is.EqualTo(["a", "w"]));
            Assert.That(segment.Find("w")!.Constant!.ToFloats(), Is.EqualTo([1f, 2f]));
            Assert.That(segment.Find("w")!.IsConstant, Is.False);
        }
    }

    [Test]
    public void Extract_ValueReadTwice_ComesInOnce()
    {
        var model = GraphText.Parse("opset 17 graph g(x: float[2]) -> (y) { a = Relu(x) b = Add(a, a) y = Mul(b, a) }");

        Assert.That(Extract(model, "b", "y").Graph.Inputs.Select(input => input.Name), Is.EqualTo(["a"]));
    }

    [Test]
    public void Extract_ThenChanged_LeavesTheWholeModelAsItWas()
    {
        var model = GraphText.Parse(Whole);

        var segment = Extract(model, "m", "n", "p").Graph;
        segment.Find("a")!.Declare(ElementType.Double, [7]);
        segment.Outputs[0].Declare(ElementType.Double, default);
        segment.Find("w")!.Constant = TensorData.Vector(1f);
        segment.Rename(segment.Find("thin")!);
        segment.Nodes[^1].Set("axis", 0L).SetInput(0, segment.Inputs[0]);
        segment.Nodes[1].Subgraphs.First().Nodes[0].SetInputs(segment.Inputs[0]);

        Assert.That(GraphText.Print(model), Is.EqualTo(Whole.ReplaceLineEndings("\n")));
    }

    /// <summary>The nodes that make these values, and the last of the values as the output.</summary>
    private static Model Extract(Model model, params string[] made) =>
        SegmentModel.Extract(model, [.. made.Select(name => model.Graph.Find(name)!.Producer!)], [model.Graph.Find(made[^1])!]);
}
