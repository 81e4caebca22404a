using Google.Protobuf;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx.Tests;

internal sealed class OnnxFileTests
{
    [Test]
    public void Read_MissingFile_NamesIt() =>
        Assert.That(() => OnnxFile.Read("nowhere.onnx"), Throws.TypeOf<QuantBuildException>()
            .With.Property(nameof(QuantBuildException.Code)).EqualTo(DiagnosticCodes.ModelNotFound).And.Message.StartsWith("nowhere.onnx"));

    [TestCase("this is text, not a model")]
    [TestCase("")]
    [TestCase("version https://git-lfs.github.com/spec/v1")]
    public void Read_NotAModel_SaysSo(string content)
    {
        var path = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"{Guid.NewGuid():n}.onnx");
        File.WriteAllText(path, content);

        Assert.That(() => OnnxFile.Read(path), Throws.TypeOf<QuantBuildException>()
            .With.Property(nameof(QuantBuildException.Code)).EqualTo(DiagnosticCodes.NotAModel));
    }

    /// <summary>Everything that the graph's objects do not model must come back as it was: fields of future versions too.</summary>
    [Test]
    public void RoundTrip_UnknownFieldsFunctionsSubgraphsAndMetadata_Survive()
    {
        var proto = ModelWithEverything();

        var again = ModelProto.Parser.ParseFrom(OnnxFile.ToBytes(OnnxFile.FromBytes(proto.ToByteArray())));

        Assert.That(again, Is.EqualTo(proto));
    }

    [TestCaseSource(typeof(SharedData), nameof(SharedData.Models))]
    public void RoundTrip_RealModel_ChangesNoMessage(string path)
    {
        var original = ModelProto.Parser.ParseFrom(File.ReadAllBytes(SharedData.Require(path)));

        var again = ModelProto.Parser.ParseFrom(OnnxFile.ToBytes(OnnxFile.FromBytes(original.ToByteArray())));

        // The order of value_info carries no meaning, and entries for values that do not exist are dropped.
        original.Graph.ValueInfo.Clear();
        again.Graph.ValueInfo.Clear();
        var expected = original.Graph.Initializer.OrderBy(tensor => tensor.Name, StringComparer.Ordinal).ToArray();
        var actual = again.Graph.Initializer.OrderBy(tensor => tensor.Name, StringComparer.Ordinal).ToArray();
        original.Graph.Initializer.Clear();
        again.Graph.Initializer.Clear();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(actual, Is.EqualTo(expected));
            Assert.That(again, Is.EqualTo(original));
        }
    }

    private static ModelProto ModelWithEverything()
    {
        var branch = new GraphProto { Name = "then", Output = { new ValueInfoProto { Name = "inner" } } };
        branch.Node.Add(new NodeProto { OpType = "Relu", Input = { "x" }, Output = { "inner" } });
        var graph = new GraphProto { Name = "main", DocString = "doc" };
        graph.Input.Add(new ValueInfoProto { Name = "x", DocString = "an input" });
        graph.Input.Add(new ValueInfoProto { Name = "c" });
        graph.Output.Add(new ValueInfoProto { Name = "y" });
        graph.Initializer.Add(new TensorProto { Name = "w", DataType = 1, Dims = { 2 }, FloatData = { 0f, 1f }, DocString = "weights" });
        graph.QuantizationAnnotation.Add(new TensorAnnotation { TensorName = "x" });
        var node = new NodeProto { OpType = "If", Name = "", Domain = "", Input = { "c" }, Output = { "y" } };
        node.Attribute.Add(new AttributeProto { Name = "then_branch", Type = AttributeProto.Types.AttributeType.Graph, G = branch });
        node.Attribute.Add(new AttributeProto { Name = "zero", Type = AttributeProto.Types.AttributeType.Int, I = 0 });
        node.MetadataProps.Add(new StringStringEntryProto { Key = "k", Value = "v" });
        graph.Node.Add(node);
        var proto = new ModelProto { IrVersion = 9, Graph = graph, ProducerName = "someone" };
        proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = 17 });
        proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "custom", Version = 1 });
        proto.Functions.Add(new FunctionProto { Name = "f", Domain = "custom", Node = { new NodeProto { OpType = "Relu" } } });
        proto.MetadataProps.Add(new StringStringEntryProto { Key = "author", Value = "me" });
        var bytes = proto.ToByteArray();
        // Field 777, varint 5: one that this version of the schema does not know.
        return ModelProto.Parser.ParseFrom([.. bytes, 0xC8, 0x30, 0x05]);
    }
}
