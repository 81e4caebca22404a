using System.Text.Json;
using QuantBuild.Onnx;

namespace QuantBuild.Tool.Tests;

internal sealed class InspectVerbTests
{
    [Test]
    public async Task Inspect_Model_ShowsWhatIsInIt()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("m.onnx");
        OnnxFile.Write(CreateModel(), path);

        var run = await ToolRun.OfAsync("inspect", path);

        Assert.That(run.Output, Is.EqualTo(
            $"""
            {path}: IR version 8, opset onnx 17, made by QuantBuild

            inputs
              x  float32[?,3]

            outputs
              y  float32[rank open]

            operators
              2  Relu
              1  Add
              1  Constant
              1  example.Odd

            weights
              int64    16 bytes  1 tensor, 2 elements
              float32  12 bytes  1 tensor, 3 elements

            """.ReplaceLineEndings("\n")));
    }

    [Test]
    public async Task Inspect_Json_IsOneDocument()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("m.onnx");
        OnnxFile.Write(CreateModel(), path);

        var run = await ToolRun.OfAsync("inspect", path, "--json");

        using var document = JsonDocument.Parse(run.Output);
        var root = document.RootElement;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(root.EnumerateObject().Select(property => property.Name), Is.EqualTo(
                new[] { "model", "irVersion", "producer", "opsets", "inputs", "outputs", "operators", "weights", "audit" }));
            Assert.That(root.GetProperty("inputs")[0].GetProperty("type").GetString(), Is.EqualTo("Float"));
            Assert.That(root.GetProperty("inputs")[0].GetProperty("shape").GetRawText(), Does.Match(@"^\[\s*null,\s*3\s*\]$"));
            Assert.That(root.GetProperty("outputs")[0].GetProperty("shape").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(root.GetProperty("operators")[0].GetProperty("count").GetInt32(), Is.EqualTo(2));
        }
    }

    /// <summary>A Q and a DQ around nothing are all that is quantized.</summary>
    [Test]
    public async Task Inspect_QuantizedModel_ShowsWhatOnnxRuntimeMakesOfIt()
    {
        using var folder = new TemporaryFolder();
        OnnxFile.Write(CreateRounded(), folder.File("m.onnx"));

        var run = await ToolRun.OfAsync("inspect", folder.File("m.onnx"));

        Assert.That(run.Output, Does.EndWith(
            """
            as ONNX Runtime runs it, on integers
              1  QuantizeLinear
              1  DequantizeLinear

            left over
              first  its output is rounded by a Q and a DQ between which nothing computes on integers

            """.ReplaceLineEndings("\n")));
    }

    [Test]
    public async Task Inspect_Text_IsTheGraphWithLargeTensorsCut()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("m.onnx");
        var model = CreateModel();
        model.Graph.AddOutput(model.Graph.AddInitializer("large", TensorData.Vector(new float[17])));
        OnnxFile.Write(model, path);

        var run = await ToolRun.OfAsync("inspect", path, "--text");

        Assert.That(run.Output, Is.EqualTo(
            """
            # Tensors of more than 16 elements are cut: this text cannot be parsed.
            ir 8
            opset 17
            producer "QuantBuild"
            graph g(x: float[?, 3]) -> (y: float, large) {
              bias: float[3] = [1, 2, 3]
              large: float[17] = [0, 0, 0, 0, ...]
              shape = Constant() {value = int64[2] [1, 3]}
              a = Relu(x)
              b = Add(a, bias)
              c = example::Odd(b)
              y = Relu(c)
            }

            """.ReplaceLineEndings("\n")));
    }

    [Test]
    public async Task Inspect_TextAndJson_IsQB1001()
    {
        using var folder = new TemporaryFolder();
        OnnxFile.Write(CreateModel(), folder.File("m.onnx"));

        var run = await ToolRun.OfAsync("inspect", folder.File("m.onnx"), "--text", "--json");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(2));
            Assert.That(run.Error, Does.StartWith("error QB1001: "));
        }
    }

    [Test]
    public async Task Inspect_NoSuchFile_IsQB2001()
    {
        var run = await ToolRun.OfAsync("inspect", "no-such-file.onnx");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(2));
            Assert.That(run.Error, Does.StartWith("error QB2001: no-such-file.onnx: "));
        }
    }

    [Test]
    public async Task Inspect_FileThatIsNoModel_IsQB2002()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.File("m.onnx"), "not a model");

        var run = await ToolRun.OfAsync("inspect", folder.File("m.onnx"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(2));
            Assert.That(run.Error, Does.StartWith("error QB2002: "));
        }
    }

    private static Model CreateRounded()
    {
        var model = Model.Create("g", opset: 17);
        var graph = model.Graph;
        var input = graph.AddInput("x");
        input.Declare(ElementType.Float, [4]);
        Value[] parameters = [graph.AddInitializer("scale", TensorData.Scalar(0.1f)), graph.AddInitializer("zero", TensorData.Scalar((byte)0))];
        var first = graph.AddNode("Tanh", [input], "a");
        first.Name = "first";
        var quantized = graph.AddNode("QuantizeLinear", [first.Output, .. parameters], "q").Output;
        var rounded = graph.AddNode("DequantizeLinear", [quantized, .. parameters], "d").Output;
        var last = graph.AddNode("Tanh", [rounded], "y").Output;
        last.Declare(ElementType.Float, [4]);
        graph.AddOutput(last);
        return model;
    }

    private static Model CreateModel()
    {
        var model = Model.Create("g", opset: 17);
        var graph = model.Graph;
        var input = graph.AddInput("x");
        input.Declare(ElementType.Float, [null, 3]);
        var bias = graph.AddInitializer("bias", TensorData.Vector(1f, 2f, 3f));
        graph.AddNode("Constant", [], "shape").Set(NodeAttribute.Of("value", TensorData.Vector(1L, 3L)));
        var first = graph.AddNode("Relu", [input], "a");
        var second = graph.AddNode("Add", [first.Output, bias], "b");
        var third = graph.AddNode("Odd", [second.Output], "c", domain: "example");
        var last = graph.AddNode("Relu", [third.Output], "y");
        last.Output.Declare(ElementType.Float, default);
        graph.AddOutput(last.Output);
        return model;
    }
}
