using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Onnx.Tests;

internal sealed class GraphTextTests
{
    /// <summary>One of everything that the text can say, as it is printed.</summary>
    private const string Everything =
        """
        ir 10
        opset 21, com.microsoft 1, custom 2
        producer "some one" "2.1"
        domain "org.example"
        version 7
        metadata "key" "a \"quoted\" value\n"
        graph main(
            x: float[N, 3, "batch size", ?],
            w: float[2],
            "123": seq(optional(int64[])),
            open: float) -> (
            y: float[N, 8],
            map: map(int64, string[]),
            odd: opaque(domain, "a type"),
            scalar: sparse float16[3]) {
          w: float[2] = [0.1, -0]
          bytes: uint8[2, 2] = [0, 1, 254, 255]
          empty: float[0, 3] = []
          halves: float16[3] = [0.1, inf, nan]
          brains: bfloat16[2] = [0.100097656, -inf]
          doubles: double[2] = [0.1, nan(0xfff8000000000000)]
          nibbles: int4[3] = [-8, 7, 0]
          crumbs: uint2[5] = [0, 1, 2, 3, 1]
          eights: float8e4m3fn[2] = 0x3c7f
          flags: bool[2] = [1, 0]
          text: string[2] = ["", "\xff\x01ü"]
          largest: uint64[] = [18446744073709551615]
          thin: sparse float[3, 4] = float[2] [1, 2] at int64[2] [0, 5]
          h: float[1, 2], _, "_" = custom::Many(x, _, w) {int = 1, float = 1.0, string = "a", ints = [1, -2], floats = [1e-05, nan(0x7fc00001)]} as "node 1"
          "as" = custom::f::fast(h) {strings = ["a", "b"], none = ints [], no = floats [], not = strings [], tensor = float[1] [1.5], type = type float[?]}
          y = Relu("as") {sparse = sparse [9] float[1] [1] at int64[1] [3], tensors = tensors [int64[1] [1], float[] [2]], types = typeprotos [seq(float)]} as /layer.1/relu
          map, odd, scalar = If(h) {
            then_branch = graph then() -> (a: float[1]) {
              one: float[1] = [1]
              b, c = Loop(h, "123") {
                body = graph (i: int64[]) -> (d) {
                  d = Identity(one)
                },
                both = graphs [graph first() -> () {
                }, graph second() -> () {
                }]
              }
              a = Neg(b)
            },
            to = 1
          }
        }
        function custom::f::fast<alpha, beta = 0.5>(a: float[N], b) -> (c) opset 17, custom 1 {
          t: float[N] = Scale(a, b) {factor = @alpha: float, shift = @beta: float}
          c = custom::g(t)
        }

        """;

    [Test]
    public void PrintAndParse_Everything_RoundTrips() =>
        Assert.That(GraphText.Print(GraphText.Parse(Everything)), Is.EqualTo(Everything.ReplaceLineEndings("\n")));

    /// <summary>Through the file's bytes too: what was parsed is a whole model.</summary>
    [Test]
    public void Parse_Everything_IsAModelThatCanBeWritten() =>
        Assert.That(GraphText.Print(OnnxFile.FromBytes(OnnxFile.ToBytes(GraphText.Parse(Everything)))), Is.EqualTo(Everything.ReplaceLineEndings("\n")));

    [TestCaseSource(typeof(SharedData), nameof(SharedData.Models))]
    public void PrintAndParse_RealModel_RoundTrips(string path)
    {
        var text = GraphText.Print(OnnxFile.Read(SharedData.Require(path)));

        // Not Is.EqualTo, which would print megabytes
        Assert.That(string.Equals(GraphText.Print(GraphText.Parse(text)), text, StringComparison.Ordinal), Is.True);
    }

    [Test]
    public void Parse_SpacesAndComments_DoNotMatter() => Assert.That(
        GraphText.Print(GraphText.Parse(
            """
            # A model
            opset 13 graph g(x:float[1])->(y:float[1]){y=Relu(
                x) # the end
            }
            """)),
        Is.EqualTo(
            """
            ir 8
            opset 13
            graph g(x: float[1]) -> (y: float[1]) {
              y = Relu(x)
            }

            """.ReplaceLineEndings("\n")));

    [Test]
    public void PrintShort_LargeTensor_IsCutAndSaysSo()
    {
        var model = GraphText.Parse("opset 13 graph g() -> (b) { a: float[3] = [1, 2, 3] c: float[6] = [1, 2, 3, 4, 5, 6] b = Add(a, c) }");

        var text = GraphText.PrintShort(model, 5);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(text, Does.StartWith("# Tensors of more than 5 elements are cut: this text cannot be parsed.\n"));
            Assert.That(text, Does.Contain("a: float[3] = [1, 2, 3]\n"));
            Assert.That(text, Does.Contain("c: float[6] = [1, 2, 3, 4, ...]\n"));
            Assert.That(() => GraphText.Parse(text), Throws.TypeOf<FormatException>());
        }
    }

    [TestCase("opset 13\ngraph g() -> (y) {\n  y = Relu(x\n}", "line 4: expected ',' or ')' but found '}'.")]
    [TestCase("opset 13\ngraph g() -> (y) {\n  y = Relu(x)", "line 3: expected the name of a value but found the end of the text.")]
    [TestCase("opset 13\ngraph g() -> (y) {\n  y Relu(x) }", "line 3: expected ':', ',' or '=' but found 'Relu'.")]
    [TestCase("opset 13\ngraph g() -> (y) {\n  y: float[2] = [1, 2, 3] }", "line 3: expected ']' after 2 elements but found '3'.")]
    [TestCase("opset 13\ngraph g() -> (y) {\n  y: float[2] = [1]\n }", "line 3: expected 2 elements but found 1.")]
    [TestCase("opset 13\ngraph g() -> (y) {\n  y: uint8[1] = [256] }", "line 3: expected a whole number from 0 to 255 but found '256'.")]
    [TestCase("opset 13\ngraph g() -> (y) {\n  y: int4[1] = [8] }", "line 3: expected a whole number from -8 to 7 but found '8'.")]
    [TestCase("opset 13\ngraph g() -> (y) {\n  y: float[1] = [one] }", "line 3: expected a number but found 'one'.")]
    [TestCase("opset 13\ngraph g() -> (y) {\n  y: floot[1] = [1] }", "line 3: expected '(' but found '['.")]
    [TestCase("opset 13\ngraph g() -> (y) {\n  y = Relu(x) {a 1} }", "line 3: expected '=' but found '1'.")]
    [TestCase("opset 13\ngraph g() -> (y) {\n  y = Relu(x) {a = b} }", "line 3: expected the value of an attribute but found 'b'.")]
    [TestCase("opset 13\ngraph g() -> (y) {\n  y = Relu(\"x) }", "line 3: expected a quotation mark at the end of the string that begins here.")]
    [TestCase("opset 13\n", "line 2: expected a graph but found the end of the text.")]
    [TestCase("opset latest", "line 1: expected a whole number but found the end of the text.")]
    [TestCase("modell", "line 1: expected ir, opset, producer, domain, version, metadata, graph or function but found 'modell'.")]
    public void Parse_WhatIsNoModel_SaysLineAndWhatWasExpected(string text, string message) =>
        Assert.That(() => GraphText.Parse(text), Throws.TypeOf<FormatException>().With.Message.EqualTo(message));

    [Test]
    public void Parse_ValueThatNothingMakes_IsAnInvalidGraph() => Assert.That(
        () => GraphText.Parse("opset 13 graph g() -> (y) { y = Relu(x) }"),
        Throws.TypeOf<QuantBuildException>().With.Message.Contains("Value 'x' is read but never made"));
}
