using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Tests;

internal sealed class NpyTests
{
    /// <summary>The fixtures hold 0…23 as [3,2,4], some divided by 8; this is the second of the three slices.</summary>
    private static readonly float[] SecondSlice = [8, 9, 10, 11, 12, 13, 14, 15];

    [TestCase("version1.npy", ElementType.Float, 1)]
    [TestCase("version2.npy", ElementType.Float, 1)]
    [TestCase("version3.npy", ElementType.Float, 1)]
    [TestCase("float16.npy", ElementType.Float16, 8)]
    [TestCase("float16.npy", ElementType.Float, 8, Description = "widened")]
    [TestCase("float16.npy", ElementType.Double, 8, Description = "widened")]
    [TestCase("float64_big_endian.npy", ElementType.Double, 8)]
    [TestCase("float64_big_endian.npy", ElementType.Float, 8, Description = "what NumPy computes in unless told otherwise")]
    [TestCase("version1.npy", ElementType.Double, 1, Description = "widened")]
    [TestCase("version1.npy", ElementType.Float16, 1, Description = "what the model can use")]
    [TestCase("float64_big_endian.npy", ElementType.Float16, 8)]
    public void Read_FloatsOfNumPy_GivesTheSlice(string file, ElementType type, int divisor)
    {
        var set = OpenFixture(file, Samples.Input("x", type, null, 2, 4));

        var tensor = set.Read(1).Inputs["x"];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(set.Count, Is.EqualTo(3));
            Assert.That(set[1].Id, Does.EndWith($"{file}#1"));
            Assert.That(tensor.ToString(), Is.EqualTo($"{type}[1,2,4]"));
            Assert.That(tensor.ToFloats(), Is.EqualTo(SecondSlice.Select(value => value / divisor)));
        }
    }

    [TestCase("int32_fortran.npy", ElementType.Int32)]
    [TestCase("int32_fortran.npy", ElementType.Int64)]
    [TestCase("int16_fortran_big_endian.npy", ElementType.Int32)]
    public void Read_IntegersInFortranOrder_GivesTheSliceInRowMajorOrder(string file, ElementType type)
    {
        var tensor = OpenFixture(file, Samples.Input("x", type, null, 2, 4)).Read(1).Inputs["x"];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(tensor.Type, Is.EqualTo(type));
            Assert.That(tensor.ToLongs(), Is.EqualTo(SecondSlice.Select(value => (long)value)));
        }
    }

    [Test]
    public void Read_LargeFortranOrder_GathersAcrossManyReads()
    {
        // Value at [i,j,k] = 100000 i + 100 j + k, first axis fastest; a slice's elements lie 1,500 bytes apart
        const int Count = 375, Rows = 7, Columns = 5;
        var elements = new int[Count * Rows * Columns];
        for (var i = 0; i < elements.Length; i++)
        {
            elements[i] = (100000 * (i % Count)) + (100 * (i / Count % Rows)) + (i / Count / Rows);
        }

        var bytes = FileBytes.Npy<int>("<i4", [Count, Rows, Columns], elements);
        var at = bytes.AsSpan().IndexOf("False"u8);
        "True "u8.CopyTo(bytes.AsSpan(at));
        using var folder = new TemporaryFolder();
        folder.Write("x.npy", bytes);
        var set = Samples.Open(folder, Samples.Input("x", ElementType.Int32, null, Rows, Columns), "x.npy");

        var expected = Enumerable.Range(0, Rows * Columns).Select(i => (100000L * 321) + (100 * (i / Columns)) + (i % Columns));
        Assert.That(set.Read(321).Inputs["x"].ToLongs(), Is.EqualTo(expected));
    }

    [Test]
    public void Read_Booleans_AreBytes() =>
        Assert.That(
            OpenFixture("bool.npy", Samples.Input("x", ElementType.Boolean, null, 2, 4)).Read(0).Inputs["x"].Bytes.ToArray(),
            Is.EqualTo(new byte[] { 1, 0, 0, 1, 0, 0, 1, 0 }));

    [Test]
    public void Read_BigEndianComplex_SwapsBothParts()
    {
        var tensor = OpenFixture("complex64.npy", Samples.Input("x", ElementType.Complex64, null, 1, 1)).Read(1).Inputs["x"];

        Assert.That(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(tensor.Bytes.Span).ToArray(), Is.EqualTo(new float[] { 8, 9 }));
    }

    [TestCase("text.npy", new[] { "Grüße", "€", "" })]
    [TestCase("bytes.npy", new[] { "ab", "cde", "" })]
    public void Read_Text_IsUtf8WithoutPadding(string file, string[] expected)
    {
        var tensor = OpenFixture(file, Samples.Input("x", ElementType.String, null, 3)).Read(0).Inputs["x"];

        Assert.That(tensor.Strings.Select(text => System.Text.Encoding.UTF8.GetString(text.Span)), Is.EqualTo(expected));
    }

    [Test]
    public void Read_BytesWithoutType_AreTheModelsBFloat16()
    {
        var tensor = OpenFixture("bfloat16_bits.npy", Samples.Input("x", ElementType.BFloat16, null, 2)).Read(0).Inputs["x"];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(tensor.ToString(), Is.EqualTo("BFloat16[1,2]"));
            Assert.That(tensor.Bytes.ToArray(), Is.EqualTo(new byte[] { 0x80, 0x3F, 0x00, 0x40 }));
        }
    }

    [TestCase("bfloat16_bits.npy", ElementType.Float16)]
    [TestCase("version1.npy", ElementType.Int32)]
    [TestCase("int32_fortran.npy", ElementType.Float)]
    [TestCase("int32_fortran.npy", ElementType.Int16)]
    [TestCase("int32_fortran.npy", ElementType.UInt64)]
    [TestCase("bool.npy", ElementType.UInt8)]
    public void Read_OtherType_NamesBothTypes(string file, ElementType type)
    {
        var set = OpenFixture(file, new InputSpecification("x", type, default));

        var error = Samples.ErrorOf(() => set.Read(0));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.SampleType));
            Assert.That(error.Message, Does.Contain(file).And.Contain("dtype").And.Contain(type.NumPyName()));
        }
    }

    [TestCase("datetime.npy", "'<M8[D]'")]
    [TestCase("structured.npy", "structured dtype")]
    [TestCase("object.npy", "'|O'")]
    public void Open_TypeThatOnnxLacks_IsATypeError(string file, string message)
    {
        var error = Samples.ErrorOf(() => OpenFixture(file, Samples.Input("x", ElementType.Float, null, 3)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.SampleType));
            Assert.That(error.Message, Does.Contain(message));
        }
    }

    [TestCase(1e300, ElementType.Float)]
    [TestCase(65_520, ElementType.Float16)]
    public void Read_ValueTooLargeForTheInput_IsATypeError(double value, ElementType type)
    {
        var error = Samples.ErrorOf(() => Samples.ReadOne("x.npy", FileBytes.Npy("<f8", [1, 1], value), Samples.Input("x", type, null, 1)));

        Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.SampleType));
    }

    [TestCase(-1)]
    [TestCase(1)]
    public void Open_LengthOtherThanTheHeaderPromises_IsUnreadable(int difference)
    {
        var bytes = FileBytes.Npy("<f4", [2, 1], 1f, 2f);
        Array.Resize(ref bytes, bytes.Length + difference);

        var error = Samples.ErrorOf(() => Samples.ReadOne("x.npy", bytes, Samples.Input("x", ElementType.Float, null, 1)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.UnreadableSample));
            Assert.That(error.Message, Does.Contain($"the file has {bytes.Length} bytes and its header promises {bytes.Length - difference}"));
        }
    }

    [TestCase("(1073741824, 1073741824, 8)")]
    [TestCase("(9223372036854775807, 2)")]
    [TestCase("(2147483647, 0)")]
    [TestCase("(3, -1)")]
    public void Open_ShapeBeyondMeasure_IsUnreadable(string shape)
    {
        using var folder = new TemporaryFolder();
        folder.Write("x.npy", [0x93, .. "NUMPY"u8, 1, 0, 100, 0, .. System.Text.Encoding.ASCII.GetBytes($"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}".PadRight(100))]);

        Assert.That(Samples.ErrorOf(() => Samples.Open(folder, Samples.Input("x", ElementType.Float, null, 1), "x.npy")).Code, Is.EqualTo(DiagnosticCodes.UnreadableSample));
    }

    [Test]
    public void Open_NoDimensions_AsksForAFirstAxis() =>
        Assert.That(Samples.ErrorOf(() => OpenFixture("zero_dimensional.npy", Samples.Input("x", ElementType.Float))).Message, Does.Contain("array[None]"));

    [Test]
    public void Open_NoSlices_IsNoSample() =>
        Assert.That(Samples.ErrorOf(() => OpenFixture("no_samples.npy", Samples.Input("x", ElementType.Float, null, 3))).Code, Is.EqualTo(DiagnosticCodes.NoSamples));

    [Test]
    public void Read_EmptySlices_AreEmptyTensors() =>
        Assert.That(OpenFixture("empty_slices.npy", Samples.Input("x", ElementType.Float, null, null, 3)).Read(1).Inputs["x"].ToString(), Is.EqualTo("Float[1,0,3]"));

    [TestCase(new object?[] { null, 1L, 49L, 10L }, new long[] { 1, 1, 49, 10 })]
    [TestCase(new object?[] { 1L, 49L, 10L, 1L }, new long[] { 1, 49, 10, 1 })]
    [TestCase(new object?[] { null, 49L, 10L }, new long[] { 1, 49, 10 })]
    [TestCase(new object?[] { 49L, 10L }, new long[] { 49, 10 })]
    [TestCase(new object?[] { null, null, null, 10L }, new long[] { 1, 49, 1, 10 })]
    public void Read_SliceThatLacksDimensionsOfOne_GetsTheModelsShape(object?[] dimensions, long[] expected)
    {
        var input = Samples.Input("x", ElementType.UInt8, Array.ConvertAll(dimensions, dimension => (long?)dimension));

        Assert.That(Samples.ReadOne("x.npy", FileBytes.Npy("|u1", [1, 49, 10], new byte[490]), input).Dimensions, Is.EqualTo(expected));
    }

    [Test]
    public void Read_OneDimensionalArray_GivesEachSampleABatchOfOne() =>
        Assert.That(Samples.ReadOne("x.npy", FileBytes.Npy("<f4", [2], 5f, 6f), Samples.Input("x", ElementType.Float, [null])).ToString(), Is.EqualTo("Float[1]"));

    [TestCase(new long[] { 1, 490 })]
    [TestCase(new long[] { 1, 10, 49 })]
    [TestCase(new long[] { 1, 2, 49, 5 })]
    public void Read_OtherShapeWithAsManyElements_NamesBothShapes(long[] shape)
    {
        var input = Samples.Input("x", ElementType.UInt8, null, 49, 10);

        var error = Samples.ErrorOf(() => Samples.ReadOne("x.npy", FileBytes.Npy("|u1", shape, new byte[490]), input));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.SampleShape));
            Assert.That(error.Message, Does.Contain($"[{string.Join(',', shape)}]").And.Contain("[?,49,10]"));
        }
    }

    [Test]
    public void Open_TwoInputs_PointsToNpz()
    {
        using var folder = new TemporaryFolder();
        folder.Write("x.npy", FileBytes.Npy("<f4", [1, 1], 1f));
        var request = new SampleSetRequest(
            ["x.npy"], folder.Path, [Samples.Input("a", ElementType.Float, 1), Samples.Input("b", ElementType.Float, 1)], ImagePreprocessing.FromModel);

        var error = Samples.ErrorOf(() => SampleSet.Open(request));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.SampleInput));
            Assert.That(error.Message, Does.Contain("'a', 'b'").And.Contain(".npz"));
        }
    }

    private static SampleSet OpenFixture(string file, InputSpecification input) =>
        SampleSet.Open(new SampleSetRequest([Fixture.PathOf($"arrays/{file}")], "/", [input], ImagePreprocessing.FromModel));
}
