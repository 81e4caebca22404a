using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Tests;

/// <summary>Folders of input_0.pb, input_1.pb, …; the bytes are spelt out field by field.</summary>
internal sealed class TestDataTests
{
    private static readonly byte[] OneAndTwo = Tensor("", 1f, 2f);

    private static byte[] Tensor(string name, params ReadOnlySpan<float> elements)
    {
        byte[] raw = [.. elements.ToArray().SelectMany(BitConverter.GetBytes)];
        byte[] named = name.Length == 0 ? [] : Field(8, System.Text.Encoding.UTF8.GetBytes(name));
        return [8, (byte)elements.Length, 16, (byte)ElementType.Float, .. named, .. Field(9, raw)];
    }

    private static byte[] Field(int number, byte[] content) => [(byte)((number << 3) | 2), (byte)content.Length, .. content];

    private static InputSpecification Input(string name, InputKind kind = InputKind.Tensor) =>
        new(name, ElementType.Float, kind == InputKind.Tensor ? [null] : default) { Kind = kind };

    private static SampleSet Open(TemporaryFolder folder, params InputSpecification[] inputs) =>
        SampleSet.Open(new(["set"], folder.Path, [.. inputs], ImagePreprocessing.FromModel));

    private static TemporaryFolder Folder(params (string Name, byte[] Content)[] files)
    {
        var folder = new TemporaryFolder();
        Array.ForEach(files, file => folder.Write(file.Name, file.Content));
        return folder;
    }

    [Test]
    public void Read_TwoFolders_AreTwoSamplesInTheInputsOrder()
    {
        using var folder = Folder(
            ("set/0/input_0.pb", OneAndTwo), ("set/0/input_1.pb", Tensor("", 3f)), ("set/0/output_0.pb", OneAndTwo), ("set/1/input_0.pb", Tensor("", 4f)),
            ("set/1/input_1.pb", Tensor("", 5f)), ("set/model.onnx", [0]));

        var samples = Open(folder, Input("a"), Input("b"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(samples.Count, Is.EqualTo(2));
            Assert.That(samples.Read(0).Inputs["a"].ToFloats(), Is.EqualTo([1f, 2f]));
            Assert.That(samples.Read(0).Inputs["b"].ToFloats(), Is.EqualTo([3f]));
            Assert.That(samples.Read(1).Inputs["b"].ToFloats(), Is.EqualTo([5f]));
            Assert.That(samples.Files.Select(Path.GetFileName), Has.Exactly(2).EqualTo("input_1.pb"));
        }
    }

    [Test]
    public void Read_NamesInside_GoBeforeTheOrder()
    {
        using var folder = Folder(("set/input_0.pb", Tensor("b", 1f)), ("set/input_1.pb", Tensor("a", 2f)));

        var inputs = Open(folder, Input("a"), Input("b")).Read(0).Inputs;

        Assert.That(inputs["b"].ToFloats(), Is.EqualTo([1f]));
    }

    [Test]
    public void Read_Sequence_KeepsItsTensors()
    {
        using var folder = Folder(("set/input_0.pb", [16, 1, .. Field(3, OneAndTwo), .. Field(3, Tensor("", 3f))]));

        var sequence = Open(folder, Input("s", InputKind.Sequence)).Read(0).Inputs.Sequences["s"];

        Assert.That(sequence.Select(tensor => tensor.ToFloats().Length), Is.EqualTo([2, 1]));
    }

    [Test]
    public void Read_AbsentOptional_IsLeftOut()
    {
        using var folder = Folder(("set/input_0.pb", [16, 1]), ("set/input_1.pb", [16, 1, .. Field(3, OneAndTwo)]));

        var inputs = Open(folder, Input("absent", InputKind.OptionalTensor), Input("there", InputKind.OptionalTensor)).Read(0).Inputs;

        Assert.That(inputs.Tensors.Keys, Is.EqualTo(["there"]));
    }

    [Test]
    public void Read_ModelWithoutInputs_TakesAFolderOfOutputs()
    {
        using var folder = Folder(("set/output_0.pb", OneAndTwo), ("set/output_1.pb", OneAndTwo));

        var samples = Open(folder);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(samples.Read(0).Inputs.Tensors, Is.Empty);
            Assert.That(samples.Count, Is.EqualTo(1));
        }
    }

    [Test]
    public void ContentHash_OtherInput_IsAnother()
    {
        using var folder = Folder(("set/0/input_0.pb", OneAndTwo), ("set/1/input_0.pb", OneAndTwo), ("set/2/input_0.pb", Tensor("", 1f, 3f)));

        var samples = Open(folder, Input("a"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(samples.ContentHash(1), Is.EqualTo(samples.ContentHash(0)));
            Assert.That(samples.ContentHash(2), Is.Not.EqualTo(samples.ContentHash(0)));
        }
    }

    [Test]
    public void Read_MissingInput_NamesIt()
    {
        using var folder = Folder(("set/input_0.pb", OneAndTwo));

        var error = Samples.ErrorOf(() => Open(folder, Input("a"), Input("b")).Read(0));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.SampleInput));
            Assert.That(error.Message, Does.Contain("'b'"));
        }
    }

    [TestCase("QB2012", 8, 2, 16, 1, 74, 200)]
    [TestCase("QB2012", 8, 2, 16, 1, 74, 4, 0, 0, 0, 0)]
    [TestCase("QB2012")]
    [TestCase("QB2014", 8, 1, 16, 2, 74, 1, 0)]
    public void Read_DamagedOrOtherType_IsACodedError(string code, params int[] content)
    {
        using var folder = Folder(("set/input_0.pb", Array.ConvertAll(content, number => (byte)number)));

        Assert.That(Samples.ErrorOf(() => Open(folder, Input("a")).Read(0)).Code.Id, Is.EqualTo(code));
    }

    [Test]
    public void Read_OneFileTooMany_IsACodedError()
    {
        using var folder = Folder(("set/input_0.pb", OneAndTwo), ("set/input_1.pb", OneAndTwo));

        Assert.That(Samples.ErrorOf(() => Open(folder, Input("a")).Read(0)).Code, Is.EqualTo(DiagnosticCodes.SampleInput));
    }
}
