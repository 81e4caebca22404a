using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Tests;

internal sealed class NpzTests
{
    private static readonly ImmutableArray<InputSpecification> TwoInputs =
        [Samples.Input("gpu_0/data_0", ElementType.Float, null, 2, 4), Samples.Input("ids", ElementType.Int64, null, null)];

    [TestCase("stored.npz")]
    [TestCase("deflated.npz")]
    public void Read_ArchiveOfNumPy_GivesInputsAndLabel(string file)
    {
        var set = Open([Fixture.PathOf($"arrays/{file}")], TwoInputs);

        var sample = set.Read(0);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(sample.Label, Is.EqualTo(7));
            Assert.That(set[0].Id, Does.EndWith(file));
            Assert.That(sample.Inputs["gpu_0/data_0"].ToFloats(), Is.EqualTo(Enumerable.Range(0, 8).Select(i => (float)i)));
            Assert.That(sample.Inputs["ids"].ToLongs(), Is.EqualTo(new long[] { 1, 2, 3 }));
            Assert.That(sample.Inputs["ids"].Dimensions, Is.EqualTo(new long[] { 1, 3 }));
        }
    }

    /// <summary>The link is shorter than what it leads to.</summary>
    [Test]
    [Platform(Exclude = "Win", Reason = "Links take a privilege there.")]
    public void Read_Link_GivesWhatItLeadsTo()
    {
        using var folder = new TemporaryFolder();
        var link = File.CreateSymbolicLink(Path.Combine(folder.Path, "x.npz"), Fixture.PathOf("arrays/stored.npz"));

        Assert.That(Open([link.FullName], TwoInputs).Read(0).Label, Is.EqualTo(7));
    }

    [Test]
    public void Read_EmptyArchive_ServesAModelWithoutInputs()
    {
        var sample = Open([Fixture.PathOf("arrays/empty.npz")], []).Read(0);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(sample.Inputs.Tensors, Is.Empty);
            Assert.That(sample.Label, Is.Null);
        }
    }

    [Test]
    public void Read_ScalarAndEmptyArrays_KeepTheirShapes()
    {
        var inputs = ImmutableArray.Create(Samples.Input("s", ElementType.Float), Samples.Input("e", ElementType.Int32, null, 3));

        var sample = ReadOnly(inputs, ("s", FileBytes.Npy("<f4", [], 2.5f)), ("e", FileBytes.Npy<int>("<i4", [0, 3])));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(sample.Inputs["s"].ToString(), Is.EqualTo("Float[]"));
            Assert.That(sample.Inputs["s"].ToFloats(), Is.EqualTo(new[] { 2.5f }));
            Assert.That(sample.Inputs["e"].ToString(), Is.EqualTo("Int32[0,3]"));
        }
    }

    [TestCase(ElementType.Int4, "|V1", new byte[] { 0x0F, 0x01, 0xF8 }, new byte[] { 0x1F, 0x08 })]
    [TestCase(ElementType.Int4, "|i1", new byte[] { 0xFF, 0x07, 0xF8 }, new byte[] { 0x7F, 0x08 })]
    [TestCase(ElementType.UInt2, "|u1", new byte[] { 3, 0, 2 }, new byte[] { 0x23 })]
    [TestCase(ElementType.Float8E5M2, "<f1", new byte[] { 1, 2, 3 }, new byte[] { 1, 2, 3 })]
    public void Read_ElementsOfFewBits_ArePacked(ElementType type, string descriptor, byte[] elements, byte[] packed)
    {
        var sample = ReadOnly([Samples.Input("x", type, 3)], ("x", FileBytes.Npy<byte>(descriptor, [3], elements)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(sample.Inputs["x"].Type, Is.EqualTo(type));
            Assert.That(sample.Inputs["x"].Bytes.ToArray(), Is.EqualTo(packed));
        }
    }

    [TestCase(ElementType.Int4, "|i1", 8)]
    [TestCase(ElementType.Int2, "|i1", 0xFD)]
    [TestCase(ElementType.UInt4, "|u1", 16)]
    [TestCase(ElementType.UInt4, "|i1", 1)]
    public void Read_IntegerThatDoesNotFit_IsACodedError(ElementType type, string descriptor, byte element) =>
        Assert.That(
            Samples.ErrorOf(() => ReadOnly([Samples.Input("x", type, 1)], ("x", FileBytes.Npy(descriptor, [1], element)))).Code, Is.EqualTo(DiagnosticCodes.SampleType));

    [Test]
    public void Read_InputThatIsASequence_NamesTheFormatForIt()
    {
        var error = Samples.ErrorOf(() => ReadOnly([Samples.Input("s", ElementType.Float) with { Kind = InputKind.Sequence }]));

        Assert.That(error.Message, Does.Contain("input_0.pb"));
    }

    [Test]
    public void Read_OptionalInput_MayBeMissing()
    {
        var optional = Samples.Input("o", ElementType.Float, 1) with { Kind = InputKind.OptionalTensor };

        Assert.That(ReadOnly([optional]).Inputs.Tensors, Is.Empty);
    }

    [Test]
    public void Read_InputCalledLabel_IsAnInput()
    {
        var sample = ReadOnly([Samples.Input("label", ElementType.Int64, 1)], ("label", FileBytes.Npy("<i8", [1], 3L)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(sample.Label, Is.Null);
            Assert.That(sample.Inputs["label"].ToLongs(), Is.EqualTo(new long[] { 3 }));
        }
    }

    [Test]
    public void Read_MissingInput_NamesTheModelsInputs()
    {
        var error = Samples.ErrorOf(() => ReadOnly(TwoInputs, ("ids", FileBytes.Npy("<i8", [1, 1], 3L))));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.SampleInput));
            Assert.That(error.Message, Is.EqualTo(
                "x.npz: the archive lacks 'gpu_0/data_0' and has 'ids'; the model's inputs are 'gpu_0/data_0', 'ids', and beside them only 'label' is read."));
        }
    }

    [Test]
    public void Read_SuperfluousArray_IsAnError()
    {
        var error = Samples.ErrorOf(() => ReadOnly(
            [Samples.Input("x", ElementType.Int64, 1)], ("x", FileBytes.Npy("<i8", [1], 3L)), ("y", FileBytes.Npy("<i8", [1], 3L))));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.SampleInput));
            Assert.That(error.Message, Does.Contain("'y'").And.Contain("'x'"));
        }
    }

    [Test]
    public void Read_ShapeWithoutBatchDimension_NamesBothShapes()
    {
        var error = Samples.ErrorOf(() => ReadOnly([Samples.Input("x", ElementType.Int64, null, 2)], ("x", FileBytes.Npy("<i8", [2], 3L, 4L))));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.SampleShape));
            Assert.That(error.Message, Is.EqualTo("x.npz: 'x': the sample has shape [2]; the model's input 'x' takes [?,2], batch dimension included."));
        }
    }

    [Test]
    public void Read_OtherType_NamesFileKeyAndTypes()
    {
        var error = Samples.ErrorOf(() => ReadOnly([Samples.Input("x", ElementType.Float, 1)], ("x", FileBytes.Npy("<i8", [1], 3L))));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.SampleType));
            Assert.That(error.Message, Is.EqualTo("x.npz: 'x': the array has dtype int64; the model's input 'x' takes float32: save array.astype('float32')."));
        }
    }

    private static IEnumerable<TestCaseData> Labels =>
    [
        new(FileBytes.Npy("<i8", [], 5L), 5.0),
        new(FileBytes.Npy("|u1", [1], (byte)200), 200.0),
        new(FileBytes.Npy(">i2", [1, 1], (short)0x0100), 1.0),
        new(FileBytes.Npy("<u8", [], 9UL), 9.0),
        new(FileBytes.Npy("<f4", [], 0.5f), 0.5),
        new(FileBytes.Npy("<f8", [1], 0.1), 0.1),
        new(FileBytes.Npy("|b1", [], true), 1.0),
    ];

    [TestCaseSource(nameof(Labels))]
    public void Label_OneNumberOfAnyType_IsRead(byte[] label, double expected) =>
        Assert.That(ReadOnly([], ("label", label)).Label, Is.EqualTo(expected));

    private static IEnumerable<TestCaseData> WrongLabels =>
    [
        new(FileBytes.Npy("<i8", [2], 5L, 6L)),
        new(FileBytes.Npy<long>("<i8", [0])),
        new(FileBytes.Npy("<i8", [], 1L << 40)),
        new(FileBytes.Npy("<u8", [], ulong.MaxValue)),
        new(FileBytes.Npy("<f8", [], double.NaN)),
        new(FileBytes.Npy("<f4", [], float.PositiveInfinity)),
        new(FileBytes.Npy("|S1", [], (byte)'3')),
        new(FileBytes.Npy("|V2", [], (short)3)),
        new(FileBytes.Npy("<c8", [], 3L)),
    ];

    [TestCaseSource(nameof(WrongLabels))]
    public void Label_NotOneNumber_IsALabelError(byte[] label)
    {
        var error = Samples.ErrorOf(() => ReadOnly([], ("label", label)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.InvalidLabel));
            Assert.That(error.Message, Does.StartWith("x.npz: the label "));
        }
    }

    [Test]
    public void Read_EntryThatIsTwice_IsAnError() =>
        Assert.That(
            Samples.ErrorOf(() => ReadOnly([], ("label", FileBytes.Npy("<i8", [], 5L)), ("label", FileBytes.Npy("<i8", [], 6L)))).Code,
            Is.EqualTo(DiagnosticCodes.UnreadableSample));

    [Test]
    public void Read_OneWrongByteOfStoredData_IsUnreadable()
    {
        using var folder = new TemporaryFolder();
        var bytes = Fixture.Read("arrays/stored.npz");
        bytes[bytes.AsSpan().IndexOf(BitConverter.GetBytes(7f))] ^= 1;
        folder.Write("x.npz", bytes);
        var set = Open([Path.Combine(folder.Path, "x.npz")], TwoInputs);

        var error = Samples.ErrorOf(() => set.Read(0));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.UnreadableSample));
            Assert.That(error.Message, Does.Contain("the checksum of 'gpu_0/data_0' is wrong"));
        }
    }

    [Test]
    public void Read_NoArchive_SaysHowToWriteOne()
    {
        using var folder = new TemporaryFolder();
        folder.Write("x.npz", "no zip at all");

        var error = Samples.ErrorOf(() => Open([Path.Combine(folder.Path, "x.npz")], []));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.UnreadableSample));
            Assert.That(error.Message, Does.Contain("numpy.savez"));
        }
    }

    [Test]
    public void ContentHash_StoredAndDeflatedWithAndWithoutLabel_AreTheSame()
    {
        using var folder = new TemporaryFolder();
        var array = FileBytes.Npy("<f4", [1, 4], 1f, 2f, 3f, 4f);
        folder.Write("a.npz", FileBytes.Npz(("x", array)));
        folder.Write("b.npz", FileBytes.Npz(("label", FileBytes.Npy("<i8", [], 5L)), ("x", array)));
        folder.Write("c.npz", FileBytes.Npz(("x", FileBytes.Npy("<f4", [1, 4], 1f, 2f, 3f, 5f))));

        var set = Samples.Open(folder, Samples.Input("x", ElementType.Float, null, 4), "*.npz");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(set.ContentHash(0), Is.EqualTo(set.ContentHash(1)).And.Not.EqualTo(set.ContentHash(2)));
            Assert.That(set.ContentHash(0), Has.Length.EqualTo(64));
        }
    }

    private static Sample ReadOnly(ImmutableArray<InputSpecification> inputs, params ReadOnlySpan<(string Key, byte[] Array)> arrays)
    {
        using var folder = new TemporaryFolder();
        folder.Write("x.npz", FileBytes.Npz(arrays));
        return SampleSet.Open(new SampleSetRequest(["x.npz"], folder.Path, inputs, ImagePreprocessing.FromModel)).Read(0);
    }

    private static SampleSet Open(ImmutableArray<string> patterns, ImmutableArray<InputSpecification> inputs) =>
        SampleSet.Open(new SampleSetRequest(patterns, "/", inputs, ImagePreprocessing.FromModel));
}
