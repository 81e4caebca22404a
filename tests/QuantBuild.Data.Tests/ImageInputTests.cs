using QuantBuild.Data.Images;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Tests;

internal sealed class ImageInputTests
{
    private static readonly ImagePreprocessing Raw = new() { Scale = 1 };

    private static PixelImage Colour { get; } = new(2, 1, 3, [1, 2, 3, 4, 5, 6]);

    private static IEnumerable<TestCaseData> Layouts =>
    [
        new(new long?[] { null, 3, 1, 2 }, null, new long[] { 1, 3, 1, 2 }, new float[] { 1, 4, 2, 5, 3, 6 }),
        new(new long?[] { 1, 1, 2, 3 }, TensorLayout.Nhwc, new long[] { 1, 1, 2, 3 }, new float[] { 1, 2, 3, 4, 5, 6 }),
        new(new long?[] { null, null, null, 3 }, null, new long[] { 1, 1, 2, 3 }, new float[] { 1, 2, 3, 4, 5, 6 }),
        new(new long?[] { null, null, null, null }, null, new long[] { 1, 3, 1, 2 }, new float[] { 1, 4, 2, 5, 3, 6 }),
        new(new long?[] { 3, null, null }, null, new long[] { 3, 1, 2 }, new float[] { 1, 4, 2, 5, 3, 6 }),
        new(new long?[] { null, 2, 3 }, null, new long[] { 1, 2, 3 }, new float[] { 1, 2, 3, 4, 5, 6 }),
    ];

    [TestCaseSource(nameof(Layouts))]
    public void ToTensor_Layout_ComesFromTheModelUnlessItIsSet(long?[] dimensions, TensorLayout? layout, long[] shape, float[] expected)
    {
        var tensor = Convert(Colour, Raw with { Layout = layout }, ElementType.Float, dimensions);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(tensor.Dimensions, Is.EqualTo(shape));
            Assert.That(tensor.ToFloats(), Is.EqualTo(expected));
        }
    }

    [Test]
    public void ToTensor_UnknownRank_TakesFourDimensions() =>
        Assert.That(ImageInput.Resolve(new InputSpecification("x", ElementType.Float, default), Raw, "f").ToTensor(Colour, "f").Dimensions, Is.EqualTo(new long[] { 1, 3, 1, 2 }));

    [Test]
    public void ToTensor_BatchOfGreyImagesWithoutChannelAxis_IsOneSlice() =>
        Assert.That(Convert(new PixelImage(2, 1, 1, [7, 9]), Raw, ElementType.Float, null, 1, 2).Dimensions, Is.EqualTo(new long[] { 1, 1, 2 }));

    [Test]
    public void ToTensor_Default_DividesBy255() =>
        Assert.That(
            Convert(new PixelImage(3, 1, 1, [0, 51, 255]), ImagePreprocessing.FromModel, ElementType.Float, null, 1, 1, 3).ToFloats(),
            Is.EqualTo(new[] { 0, 51 / 255f, 1f }));

    [Test]
    public void ToTensor_MeanAndStdPerChannel_FollowTheModelsOrder()
    {
        var settings = new ImagePreprocessing { Scale = 1, ChannelOrder = ChannelOrder.Bgr, Mean = [1, 2, 3], Std = [1, 2, 4] };

        var tensor = Convert(new PixelImage(1, 1, 3, [100, 50, 10]), settings, ElementType.Float, 1, 3, 1, 1);

        Assert.That(tensor.ToFloats(), Is.EqualTo(new float[] { 9, 24, 24.25f }));
    }

    [TestCase(ElementType.Double)]
    [TestCase(ElementType.Float16)]
    public void ToTensor_OtherFloats_AreConverted(ElementType type)
    {
        var tensor = Convert(new PixelImage(1, 1, 1, [128]), new ImagePreprocessing { Scale = 1.0 / 256 }, type, 1, 1, 1, 1);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(tensor.Type, Is.EqualTo(type));
            Assert.That(tensor.ToFloats(), Is.EqualTo(new[] { 0.5f }));
        }
    }

    [Test]
    public void ToTensor_UnsignedBytes_AreThePixels() =>
        Assert.That(Convert(new PixelImage(2, 1, 1, [3, 255]), ImagePreprocessing.FromModel, ElementType.UInt8, 1, 1, 1, 2).AsSpan<byte>().ToArray(), Is.EqualTo(new byte[] { 3, 255 }));

    [Test]
    public void ToTensor_SignedBytesWithMean_AreShifted() =>
        Assert.That(
            Convert(new PixelImage(2, 1, 1, [0, 255]), new ImagePreprocessing { Mean = [128] }, ElementType.Int8, 1, 1, 1, 2).AsSpan<sbyte>().ToArray(),
            Is.EqualTo(new sbyte[] { -128, 127 }));

    [Test]
    public void ToTensor_IntegerOutOfRange_IsATypeError()
    {
        var error = Samples.ErrorOf(() => Convert(new PixelImage(2, 1, 1, [0, 200]), ImagePreprocessing.FromModel, ElementType.Int8, 1, 1, 1, 2));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.SampleType));
            Assert.That(error.Message, Does.Contain("int8"));
        }
    }

    [Test]
    public void Resolve_MeanOfTwoValues_IsAnInvalidSetting()
    {
        var error = Samples.ErrorOf(() => Convert(Colour, new ImagePreprocessing { Mean = [0.5f, 0.25f] }, ElementType.Float, 1, 3, 1, 2));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.InvalidSetting));
            Assert.That(error.Message, Is.EqualTo("Mean has 2 values (0.5,0.25); expected 1, or 3 as the image has channels."));
        }
    }

    [Test]
    public void ToTensor_StdOfThreeForAGreyImage_IsAnInvalidSetting() =>
        Assert.That(
            Samples.ErrorOf(() => Convert(new PixelImage(1, 1, 1, [0]), new ImagePreprocessing { Std = [1, 2, 3] }, ElementType.Float, 1, null, 1, 1)).Code,
            Is.EqualTo(DiagnosticCodes.InvalidSetting));

    [TestCase(new object?[] { null, 784L }, "takes [?,784]")]
    [TestCase(new object?[] { null, 1L, 3L, 2L, 2L }, "takes [?,1,3,2,2]")]
    [TestCase(new object?[] { 8L, 3L, 1L, 2L }, "batch of 8")]
    [TestCase(new object?[] { 1L, 64L, 1L, 2L }, "with 64 channels")]
    public void Resolve_InputThatIsNoImage_PointsToNpz(object?[] dimensions, string message)
    {
        var error = Samples.ErrorOf(() => Convert(Colour, Raw, ElementType.Float, Array.ConvertAll(dimensions, dimension => (long?)dimension)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.SampleShape));
            Assert.That(error.Message, Does.Contain(message).And.Contain(".npz"));
        }
    }

    [Test]
    public void Resolve_InputOfText_IsATypeError() =>
        Assert.That(Samples.ErrorOf(() => Convert(Colour, Raw, ElementType.String, 1, 3, 1, 2)).Code, Is.EqualTo(DiagnosticCodes.SampleType));

    private static TensorData Convert(PixelImage image, ImagePreprocessing settings, ElementType type, params long?[] dimensions) =>
        ImageInput.Resolve(Samples.Input("x", type, dimensions), settings, "data/x.png").ToTensor(image, "data/x.png");
}
