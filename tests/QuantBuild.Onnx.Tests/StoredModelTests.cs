using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Onnx.Tests;

/// <summary>Models in two files: written, read as mapped memory, and refused where the second is not what the first says.</summary>
internal sealed class StoredModelTests
{
    private string _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Of_SmallModel_IsOneFileAsBefore()
    {
        var model = TwoLayers();

        var stored = StoredModel.Of(model, "m");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(stored.Data, Is.Null);
            Assert.That(stored.Bytes.ToArray(), Is.EqualTo(OnnxFile.ToBytes(model)));
            Assert.That(stored.Length, Is.EqualTo(stored.Bytes.Length));
        }
    }

    [Test]
    public void Of_LargeModel_ReadsBackTheSameFromMappedMemory()
    {
        var model = TwoLayers();

        var read = OnnxFile.Read(Write(StoredModel.Of(model, "m", largestSingleFile: 5000)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(GraphText.Print(read), Is.EqualTo(GraphText.Print(model)));
            Assert.That(read.Graph.Find("a")!.Constant!.Region, Is.Not.Null);
            Assert.That(read.Graph.Find("b")!.Constant!.Region!.Value.Offset % 4096, Is.Zero);
            Assert.That(read.Graph.Find("small")!.Constant!.Region, Is.Null, "what is small stays in the model's file");
            Assert.That(read.Clone().Graph.Find("a")!.Constant!.Region, Is.EqualTo(read.Graph.Find("a")!.Constant!.Region), "a copy shares the memory");
        }
    }

    /// <summary>A hub's cache: both files are links.</summary>
    [Test]
    [Platform(Exclude = "Win", Reason = "Links take a privilege there.")]
    public void Read_Links_IsTheModelThatTheyLeadTo()
    {
        var stored = StoredModel.Of(TwoLayers(), "m", largestSingleFile: 5000);
        var path = Write(stored);
        var cache = Directory.CreateDirectory(Path.Combine(_folder, "cache")).FullName;
        var link = File.CreateSymbolicLink(Path.Combine(cache, "m.onnx"), path).FullName;
        File.CreateSymbolicLink(Path.Combine(cache, stored.Data!.Name), Path.Combine(_folder, stored.Data.Name));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(GraphText.Print(OnnxFile.Read(link)), Is.EqualTo(GraphText.Print(OnnxFile.Read(path))));
            Assert.That(OnnxFile.LengthOf(link), Is.EqualTo(stored.Length));
        }
    }

    [Test]
    public void Of_Name_IsThatOfTheContent()
    {
        var (one, same) = (StoredModel.Of(TwoLayers(), "m", 0), StoredModel.Of(TwoLayers(), "m", 0));
        var other = StoredModel.Of(TwoLayers(2), "m", 0);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(same.Data!.Name, Is.EqualTo(one.Data!.Name).And.Matches("^m\\.[0-9a-f]{16}\\.data$"));
            Assert.That(same.Bytes.ToArray(), Is.EqualTo(one.Bytes.ToArray()));
            Assert.That(other.Data!.Name, Is.Not.EqualTo(one.Data.Name));
            Assert.That(ModelDataFile.IsNameFor("m", one.Data.Name), Is.True);
            Assert.That(ModelDataFile.IsNameFor("n", one.Data.Name), Is.False);
            Assert.That(ModelDataFile.IsNameFor("m", "m.weights.data"), Is.False);
        }
    }

    [Test]
    public void Derive_FromMappedAndFromManaged_IsOfTheSameKind()
    {
        var mapped = OnnxFile.Read(Write(StoredModel.Of(TwoLayers(), "m", 0))).Graph.Find("a")!.Constant!;
        var managed = TwoLayers().Graph.Find("a")!.Constant!;

        var scratch = mapped.Derive<sbyte>([3, 5], out var elements);
        elements.Fill(7);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(scratch.Region, Is.Not.Null);
            Assert.That(File.Exists(scratch.Region!.Value.Path), Is.True);
            Assert.That(scratch.AsSpan<sbyte>().ToArray(), Is.All.EqualTo(7).And.Exactly(15).Items);
            Assert.That(managed.Derive<sbyte>([3, 5], out _).Region, Is.Null);
        }
    }

    /// <summary>The file itself must not be taken for the folder's neighbour of a similar name, nor the data be read beyond its end.</summary>
    [TestCase("../outside.data", "does not lie beside the model")]
    [TestCase("../{0}-more/outside.data", "does not lie beside the model")]
    [TestCase("nowhere.data", "cannot be read")]
    [TestCase("short.data", "bytes are needed, and the file has 3")]
    public void Read_DataThatIsNotThere_IsQB2004(string location, string problem)
    {
        var stored = StoredModel.Of(TwoLayers(), "m", 0);
        File.WriteAllBytes(Path.Combine(_folder, "short.data"), [1, 2, 3]);
        var proto = Schema.ModelProto.Parser.ParseFrom(stored.Bytes.Span);
        foreach (var entry in proto.Graph.Initializer.SelectMany(tensor => tensor.ExternalData).Where(entry => entry.Key == "location"))
        {
            entry.Value = string.Format(null, location, Path.GetFileName(_folder));
        }

        File.WriteAllBytes(Path.Combine(_folder, "m.onnx"), OnnxFile.ToBytes(proto));

        Assert.That(() => OnnxFile.Read(Path.Combine(_folder, "m.onnx")), Throws.TypeOf<QuantBuildException>()
            .With.Property(nameof(QuantBuildException.Code)).EqualTo(DiagnosticCodes.ExternalDataMissing).And.Message.Contains(problem));
    }

    private static Model TwoLayers(float weight = 1)
    {
        var model = Model.Create("two", 17);
        var x = model.Graph.AddInput("x");
        x.Declare(ElementType.Float, [1, 40]);
        Value Weights(string name, float offset) =>
            model.Graph.AddInitializer(name, TensorData.Create<float>([40, 40], [.. Enumerable.Range(0, 1600).Select(index => weight * index + offset)]));
        var first = model.Graph.AddNode("MatMul", [x, Weights("a", 0)], "h").Output;
        var second = model.Graph.AddNode("MatMul", [first, Weights("b", 0.5f)], "i").Output;
        model.Graph.AddOutput(model.Graph.AddNode("Add", [second, model.Graph.AddInitializer("small", TensorData.Scalar(1f))], "y").Output);
        return model;
    }

    private string Write(StoredModel stored)
    {
        using (var data = File.Create(Path.Combine(_folder, stored.Data!.Name)))
        {
            stored.Data.WriteTo(data);
        }

        var path = Path.Combine(_folder, "m.onnx");
        File.WriteAllBytes(path, stored.Bytes.ToArray());
        return path;
    }
}
