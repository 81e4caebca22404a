using QuantBuild.Onnx;

namespace QuantBuild.Data.Tests;

/// <summary>
/// Real data of real models, against tensors that an independent Python program (numpy and Pillow) made from the same files:
/// their sums and a few of their elements.
/// </summary>
internal sealed class SharedDataTests
{
    private static readonly ImagePreprocessing Raw = new() { Scale = 1 };

    private static string Data => Path.Combine(RepositoryFiles.Root, "..", "shared", "data");

    [OneTimeSetUp]
    public void RequireData()
    {
        if (!Directory.Exists(Data))
        {
            Assert.Ignore($"{Path.GetFullPath(Data)} is absent: the tests on real data are skipped.");
        }
    }

    private static IEnumerable<Reference> Lossless =>
    [
        new("idx", "mnist/eval-images.idx3-ubyte", 1)
        {
            Shape = [null, 28, 28, 1], Sum = 138.952942, Elements = [0, 0, 0, 0],
        },
        new("npy", "speech/eval_dscnn_mfcc.npy", 9)
        {
            Shape = [null, 1, 49, 10], Sum = 1316.761829, Elements = [19.216633f, 0.14434563f, 0.48273501f, -0.64288801f],
        },
        new("png", "superres/calib_gray/*.png", 4)
        {
            Shape = [null, 1, 224, 224], Sum = 16046.094537, Elements = [0.80784315f, 0.25098041f, 0.14509805f, 0.21176471f],
        },
    ];

    private static IEnumerable<Reference> Jpeg =>
    [
        new("mean and std", "cifar10/eval.csv", 7)
        {
            Shape = [null, 3, 32, 32], Sum = 3262.304752, Elements = [-0.936296f, -0.004902f, 1.518207f, 1.419957f], Tolerance = 0.07f,
            Preprocessing = new ImagePreprocessing { Mean = [0.485f, 0.456f, 0.406f], Std = [0.229f, 0.224f, 0.225f] },
        },
        new("centre crop, BGR", "imagenet/eval.csv", 3)
        {
            Shape = [1, 3, 224, 224], Sum = 7463446, Elements = [143, 117, 66, -1], Tolerance = 3,
            Preprocessing = Raw with { Crop = CropMode.Center, ChannelOrder = ChannelOrder.Bgr, Mean = [104, 117, 123] },
        },
        new("letterbox", "coco128/images/val2017", 2)
        {
            Shape = [1, 3, 416, 416], Sum = 40846185, Elements = [78, 93, 82, 114], Tolerance = 3,
            Preprocessing = Raw with { Resize = ResizeMode.Letterbox, ChannelOrder = ChannelOrder.Bgr },
        },
        new("stretch", "faces/eval.csv", 5)
        {
            Shape = [1, 3, 240, 320], Sum = 111902.984375, Elements = [0.6875f, 0.78125f, -0.140625f, 0.0625f], Tolerance = 3 / 128f,
            Preprocessing = Raw with { Resize = ResizeMode.Stretch, Mean = [127], Std = [128] },
        },
    ];

    [TestCaseSource(nameof(Lossless))]
    public void Read_LosslessData_IsTheReference(Reference reference)
    {
        var values = reference.Read();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(values.Sum(value => Math.Abs((double)value)), Is.EqualTo(reference.Sum).Within(1e-5));
            Assert.That(Pick(values), Is.EqualTo(reference.Elements).Within(1e-6f));
        }
    }

    [TestCaseSource(nameof(Jpeg))]
    public void Read_Jpeg_DiffersOnlyByTheDecoder(Reference reference)
    {
        var values = reference.Read();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(values.Sum(value => Math.Abs((double)value)), Is.EqualTo(reference.Sum).Within(0.2).Percent);
            Assert.That(Pick(values), Is.EqualTo(reference.Elements).Within(reference.Tolerance));
        }
    }

    [TestCase("mnist/eval-images.idx3-ubyte", 2000, 10)]
    [TestCase("cifar10/eval.csv", 2000, 10)]
    [TestCase("imagenet/calib.csv", 200, 200)]
    public void Open_LabelledData_HasItsClasses(string pattern, int count, int classes)
    {
        var set = Open(pattern, [null, null, null, null], ImagePreprocessing.FromModel);

        Assert.That((set.Count, Enumerable.Range(0, set.Count).Select(index => set[index].Label).Distinct().Count()), Is.EqualTo((count, classes)));
    }

    [TestCase("mnist/calib-images*", "mnist/eval-images*")]
    [TestCase("cifar10/calib.csv", "cifar10/eval.csv")]
    [TestCase("coco128/images/train2017", "coco128/images/val2017")]
    public void Find_CalibrationAndEvaluation_ShareNothing(string calibration, string evaluation)
    {
        var (first, second) = (Open(calibration, [null, null, null, null], Raw), Open(evaluation, [null, null, null, null], Raw));

        Assert.That(SampleOverlap.Find(first, second, threads: 2), Is.Empty);
    }

    private static SampleSet Open(string pattern, long?[] dimensions, ImagePreprocessing preprocessing) =>
        SampleSet.Open(new SampleSetRequest([pattern], Data, [Samples.Input("x", ElementType.Float, dimensions)], preprocessing));

    /// <summary><see cref="Sum"/> is of the absolute values; the elements lie at 0, ⅓, ½ and the end.</summary>
    internal sealed record Reference(string Name, string Pattern, int Index)
    {
        public required long?[] Shape { get; init; }

        public ImagePreprocessing Preprocessing { get; init; } = ImagePreprocessing.FromModel;

        public required double Sum { get; init; }

        public required float[] Elements { get; init; }

        public float Tolerance { get; init; }

        public float[] Read() => Open(Pattern, Shape, Preprocessing).Read(Index).Inputs["x"].ToFloats();

        public override string ToString() => Name;
    }

    private static float[] Pick(float[] values) => [values[0], values[values.Length / 3], values[values.Length / 2], values[^1]];
}
