using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Saturation;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Numerics;

internal sealed class WeightQuantizationTests
{
    private static readonly Granularity[] Granularities = [new Granularity.PerTensor(), .. Enumerable.Range(0, 3).SelectMany(axis => new Granularity[] { new Granularity.PerChannel(axis), new Granularity.PerBlock(axis, 4) })];

    /// <summary>Weights of any form, element by element and in runs.</summary>
    [TestCaseSource(nameof(Granularities))]
    public void Runs_HaveTheGroupOfEachElement(object granularity)
    {
        var own = (Granularity)granularity;
        using (Assert.EnterMultipleScope())
        {
            foreach (var dimensions in new long[][] { [3, 5, 6], [1, 1, 9], [4, 1, 1], [2, 8, 1], [0, 2, 3] })
            {
                var group = own.GroupOf([.. dimensions]);
                var runs = own.Runs([.. dimensions]).SelectMany(run => Enumerable.Range(0, run.Length).Select(offset => (Element: run.Start + offset, Group: run.GroupOf(offset))));
                Assert.That(runs, Is.EqualTo(Enumerable.Range(0, (int)dimensions.Aggregate((product, length) => product * length)).Select(element => (element, group(element)))), string.Join('x', dimensions));
            }
        }
    }

    /// <summary>VPMADDUBSW adds two products in 16 bits: no two weights of one sum may leave them at the activations' 255.</summary>
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public void Quantize_AnyWeights_NoPairSaturatesSixteenBits(int seed)
    {
        var random = new Random(seed);
        float[] weights = [.. Enumerable.Range(0, 8 * 50).Select(_ => (float)Math.Pow(random.NextDouble() - 0.5, 3))];

        var quantized = Quantize(weights, [8, 50], 0).Elements.AsSpan<sbyte>().ToArray();

        for (var channel = 0; channel < 8; channel++)
        {
            var sorted = quantized[(channel * 50)..((channel + 1) * 50)].Select(weight => (int)weight).Order().ToArray();
            using (Assert.EnterMultipleScope())
            {
                Assert.That(255 * (sorted[^1] + sorted[^2]), Is.LessThanOrEqualTo(short.MaxValue));
                Assert.That(255 * (sorted[0] + sorted[1]), Is.GreaterThanOrEqualTo(short.MinValue));
            }
        }
    }

    private static readonly object[] Layers =
    [
        new TestCaseData(new long[] { 60, 12 }, 1).SetArgDisplayNames("matrix"),
        new TestCaseData(new long[] { 12, 61 }, 0).SetArgDisplayNames("transposed matrix of odd depth"),
        new TestCaseData(new long[] { 12, 5, 3, 3 }, 0).SetArgDisplayNames("kernels of odd depth, whose pairs reach across taps"),
        new TestCaseData(new long[] { 12, 16, 1, 1 }, 0).SetArgDisplayNames("pointwise"),
        new TestCaseData(new long[] { 12, 3, 7 }, 0).SetArgDisplayNames("one axis"),
    ];

    /// <summary>The emulation, which goes through sums as the kernels do, finds no pair that can saturate, and each channel has one that nearly does.</summary>
    [TestCaseSource(nameof(Layers))]
    public void Quantize_KernelPairs_AreAsLargeAsTheyMayBe(long[] dimensions, int axis)
    {
        var random = new Random(7);
        float[] weights = [.. Enumerable.Range(0, (int)dimensions.Aggregate((product, length) => product * length)).Select(_ => (float)(random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5))];
        var scheme = AnyPair with { Range = WeightRange.KernelPairs };
        var tensor = TensorData.Create<float>([.. dimensions], weights);

        var quantized = WeightQuantization.Quantize(tensor, axis, new Granularity.PerChannel(axis), scheme, []);

        var rows = dimensions.Length == 2 ? PairedWeights.OfMatrix(quantized.Elements, axis == 0) : PairedWeights.OfKernels(quantized.Elements);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(rows.CanSaturate, Is.False);
            Assert.That(quantized.Parameters.Scales, Has.Length.EqualTo(12));
            Assert.That(Enumerable.Range(0, 12).Select(channel => LargestOf(rows.Row(channel))), Has.All.InRange(126, 128));
            Assert.That(quantized.Parameters.Scales.Sum(), Is.LessThan(0.85f * Quantize(weights, [.. dimensions], axis).Parameters.Scales.Sum()));
        }

        static int LargestOf(ReadOnlySpan<sbyte> row)
        {
            var largest = 0;
            for (var i = 0; i < row.Length; i += 2)
            {
                var (first, second) = (row[i], row[i + 1]);
                largest = Math.Max(largest, Math.Max(Math.Max(first, (sbyte)0) + Math.Max(second, (sbyte)0), Math.Max(-first, 0) + Math.Max(-second, 0)));
                largest = Math.Max(largest, Math.Max(Math.Abs((int)first), Math.Abs((int)second)));
            }

            return largest;
        }
    }

    [TestCase(WeightRange.AnyPair)]
    [TestCase(WeightRange.KernelPairs)]
    public void Quantize_NaN_DoesNotCount(WeightRange range)
    {
        var tensor = TensorData.Create<float>([1, 4], [float.NaN, 0.5f, 1, float.NaN]);

        var scale = WeightQuantization.Quantize(tensor, 0, new Granularity.PerChannel(0), AnyPair with { Range = range }, []).Parameters.Scales.Single();

        Assert.That(scale, Is.EqualTo((range == WeightRange.AnyPair ? 1.5f : 1) / 127).Within(1e-6f));
    }

    /// <summary>One weight that stands out may use all 8 bits; 7-bit weights would halve the resolution of the rest.</summary>
    [Test]
    public void Quantize_OneLargeWeight_KeepsEightBits()
    {
        var (quantized, _) = Quantize([1f, 0.001f, -0.002f, 0f], [1, 4], 0);

        Assert.That(quantized.AsSpan<sbyte>()[0], Is.EqualTo(126).Within(1));
    }

    [Test]
    public void Quantize_EveryWeight_IsWithinHalfAStep()
    {
        float[] weights = [0.5f, -0.25f, 0.75f, 10f, -20f, 5f];

        var quantized = Quantize(weights, [2, 3], 0);

        var restored = WeightQuantization.Dequantize(quantized).ToFloats();
        for (var i = 0; i < weights.Length; i++)
        {
            Assert.That(restored[i], Is.EqualTo(weights[i]).Within(quantized.Parameters.Scales[i / 3] / 2 * 1.0001f));
        }
    }

    [Test]
    public void Quantize_ChannelsOnTheLastAxis_ScaleIsTheChannels()
    {
        var (_, parameters) = Quantize([1f, 100f, -1f, 100f], [2, 2], 1);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(parameters.Granularity, Is.EqualTo(new Granularity.PerChannel(1)));
            Assert.That(parameters.Scales[1] / parameters.Scales[0], Is.GreaterThan(50));
        }
    }

    [Test]
    public void Quantize_DeadChannel_HasAUsableScale()
    {
        var (quantized, parameters) = Quantize([0f, 0f, 1f, -1f], [2, 2], 0);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(parameters.Scales[0], Is.EqualTo(parameters.Scales[1]));
            Assert.That(quantized.AsSpan<sbyte>()[..2].ToArray(), Is.All.Zero);
        }
    }

    [Test]
    public void Quantize_LargeBias_RaisesTheScaleOfItsChannel() =>
        Assert.That(Quantize([1f, 1f], [2, 1], 0, 0.5, 0).Parameters.Scales[0], Is.EqualTo(0.5f));

    /// <summary>Only weights of one channel meet in a sum: the largest of two channels may be a pair under one scale.</summary>
    [Test]
    public void Quantize_PerTensor_PairsOfDifferentChannelsDoNotCount()
    {
        var scheme = AnyPair with { Granularity = WeightGranularity.PerTensor };

        var (quantized, parameters) = WeightQuantization.Quantize(TensorData.Create<float>([2, 2], [1f, 0, 0, 1f]), 0, new Granularity.PerTensor(), scheme, []);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(parameters.Scales, Has.Length.EqualTo(1));
            Assert.That(quantized.AsSpan<sbyte>()[0], Is.EqualTo(127));
        }
    }

    [TestCase(ElementType.Int8, -127, 127)]
    [TestCase(ElementType.UInt8, 1, 255)]
    [TestCase(ElementType.Int16, -32767, 32767)]
    [TestCase(ElementType.Int4, -7, 7)]
    public void Quantize_SymmetricFullRange_EndsAreEquallyFar(ElementType type, int low, int high)
    {
        var scheme = new WeightScheme(type, true, false, WeightGranularity.PerChannel, 32, WeightRange.Full);

        var (quantized, parameters) = WeightQuantization.Quantize(TensorData.Create<float>([1, 3], [-2f, 0f, 2f]), 0, new Granularity.PerChannel(0), scheme, []);

        var elements = Enumerable.Range(0, 3).Select(index => IntegerTypes.At(quantized, index)).ToArray();
        Assert.That(elements, Is.EqualTo([low, parameters.ZeroPoint, high]));
    }

    [Test]
    public void Quantize_ReducedRange_UsesSevenBits()
    {
        var scheme = AnyPair with { Range = WeightRange.Reduced };

        var quantized = WeightQuantization.Quantize(TensorData.Create<float>([1, 2], [-1f, 1f]), 0, new Granularity.PerChannel(0), scheme, []).Elements;

        Assert.That(quantized.AsSpan<sbyte>().ToArray(), Is.EqualTo(new sbyte[] { -63, 63 }));
    }

    /// <summary>[1, 3] in 4 bits: the range is widened to [0, 3], so that 3/15 is a step and 0 the zero point.</summary>
    [Test]
    public void Quantize_AsymmetricFourBits_HoldsZeroExactly()
    {
        var scheme = new WeightScheme(ElementType.UInt4, false, false, WeightGranularity.PerBlock, 16, WeightRange.Full);
        float[] weights = [1f, 3f, -0f, 2f];

        var quantized = WeightQuantization.Quantize(TensorData.Create<float>([4, 1], weights), 1, new Granularity.PerBlock(0, 16), scheme, []);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(quantized.Parameters.ZeroPoint, Is.Zero);
            Assert.That(WeightQuantization.Dequantize(quantized).ToFloats(), Is.EqualTo(weights).Within(quantized.Parameters.Scale / 2));
        }
    }

    /// <summary>Blocks of 2 along axis 0 of a 3 × 2 matrix: the third row is a block of its own.</summary>
    [Test]
    public void Quantize_Blocks_EachHasItsScale()
    {
        var scheme = new WeightScheme(ElementType.Int8, true, false, WeightGranularity.PerBlock, 2, WeightRange.Full);

        var parameters = WeightQuantization.Quantize(TensorData.Create<float>([3, 2], [1f, 10f, 2f, 20f, 3f, 30f]), 1, new Granularity.PerBlock(0, 2), scheme, []).Parameters;

        Assert.That(parameters.Scales, Is.EqualTo([2f / 127, 20f / 127, 3f / 127, 30f / 127]).Within(1e-7f));
    }

    [Test]
    public void Quantize_PowerOfTwoScales_AreShifts()
    {
        var scheme = AnyPair with { IsPowerOfTwo = true };

        var parameters = WeightQuantization.Quantize(TensorData.Create<float>([2, 1], [0.7f, 3f]), 0, new Granularity.PerChannel(0), scheme, []).Parameters;

        Assert.That(parameters.Scales, Is.All.Matches<float>(scale => scale == MathF.ScaleB(1, MathF.ILogB(scale))));
    }

    /// <summary>One weight of eight that stands out: in 4 bits, clipping it costs less than rounding the others to 0.</summary>
    [Test]
    public void Quantize_FourBits_ClipsWhereThatHasTheSmallerError()
    {
        var scheme = new WeightScheme(ElementType.Int4, true, false, WeightGranularity.PerChannel, 32, WeightRange.Full);
        float[] weights = [.. Enumerable.Range(0, 64).Select(index => (float)Math.Sin(index * 1.7)), 1.35f];

        var quantized = WeightQuantization.Quantize(TensorData.Create<float>([1, 65], weights), 0, new Granularity.PerChannel(0), scheme, []);

        double Error(Func<int, float> restored) => weights.Index().Sum(entry => Math.Pow(entry.Item - restored(entry.Index), 2));
        var plain = 1.35f / 7;
        var restored = WeightQuantization.Dequantize(quantized).ToFloats();
        Assert.That(Error(index => restored[index]), Is.LessThan(Error(index => MathF.Round(weights[index] / plain) * plain)));
    }

    [Test]
    public void Transpose_OfBlocks_MovesElementsAndScales()
    {
        var scheme = new WeightScheme(ElementType.Int4, true, false, WeightGranularity.PerBlock, 2, WeightRange.Full);
        var weights = TensorData.Create<float>([2, 3], [1f, -2f, 3f, -4f, 5f, 7f]);
        var quantized = WeightQuantization.Quantize(weights, 0, new Granularity.PerBlock(1, 2), scheme, []);

        var transposed = quantized.Transpose();

        var (before, after) = (WeightQuantization.Dequantize(quantized).ToFloats(), WeightQuantization.Dequantize(transposed).ToFloats());
        using (Assert.EnterMultipleScope())
        {
            Assert.That(transposed.Elements.Dimensions, Is.EqualTo([3L, 2L]));
            Assert.That(after, Is.EqualTo([before[0], before[3], before[1], before[4], before[2], before[5]]));
        }
    }

    /// <summary>Every byte there is, in 2 × 128 and 128 × 2 weights: whole rows that share a scale, and rows that do not.</summary>
    [Test]
    public void Dequantize_EveryByte_IsWhatItsGroupMakesOfIt(
        [Values(ElementType.UInt8, ElementType.Int8)] ElementType type, [Values(-1, 0, 1)] int channelAxis, [Values(2, 128)] int rows)
    {
        ImmutableArray<long> dimensions = [rows, 256 / rows];
        var groups = channelAxis < 0 ? 1 : (int)dimensions[channelAxis];
        ImmutableArray<float> scales = [.. Enumerable.Range(1, groups).Select(group => group * 0.37f)];
        ImmutableArray<int> zeroPoints = [.. Enumerable.Range(0, groups).Select(group => (group % 7) + IntegerTypes.MiddleOf(type))];
        Granularity granularity = channelAxis < 0 ? new Granularity.PerTensor() : new Granularity.PerChannel(channelAxis);
        TensorData elements = new(type, dimensions, Enumerable.Range(0, 256).Select(code => (byte)code).ToArray());

        var restored = WeightQuantization.Dequantize(new(elements, new(type, granularity, scales, zeroPoints)));

        var expected = Enumerable.Range(0, 256).Select(index =>
        {
            var group = channelAxis < 0 ? 0 : channelAxis == 0 ? index / (256 / rows) : index % (256 / rows);
            return AffineQuantization.Dequantize(type == ElementType.Int8 && index > 127 ? index - 256 : index, scales[group], zeroPoints[group]);
        });
        using (Assert.EnterMultipleScope())
        {
            Assert.That(restored.Dimensions, Is.EqualTo(dimensions));
            Assert.That(restored.ToFloats(), Is.EqualTo(expected));
        }
    }

    private static WeightScheme AnyPair { get; } = new(ElementType.Int8, true, false, WeightGranularity.PerChannel, 32, WeightRange.AnyPair);

    private static QuantizedWeights Quantize(float[] weights, ImmutableArray<long> dimensions, int axis, params ImmutableArray<double> smallestScales) =>
        WeightQuantization.Quantize(TensorData.Create<float>(dimensions, weights), axis, new Granularity.PerChannel(axis), AnyPair, smallestScales);
}
