using System.Numerics;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;

namespace QuantBuild.Data.Images;

/// <summary>Pixels as elements of a tensor: a table of 256 values for each channel, in the model's order.</summary>
internal sealed record PixelValues(ElementType Type, ImagePreprocessing Preprocessing)
{
    public static bool Supports(ElementType type) =>
        type is ElementType.Float or ElementType.Double or ElementType.Float16 || Arrays.ElementConversion.IsInteger(type);

    public byte[] Write(PixelImage image, TensorLayout layout, string file) => Type switch
    {
        ElementType.Float => WriteFloats<float>(image, layout),
        ElementType.Double => WriteFloats<double>(image, layout),
        ElementType.Float16 => WriteFloats<Half>(image, layout),
        ElementType.UInt8 => WriteIntegers<byte>(image, layout, file),
        ElementType.Int8 => WriteIntegers<sbyte>(image, layout, file),
        ElementType.UInt16 => WriteIntegers<ushort>(image, layout, file),
        ElementType.Int16 => WriteIntegers<short>(image, layout, file),
        ElementType.UInt32 => WriteIntegers<uint>(image, layout, file),
        ElementType.Int32 => WriteIntegers<int>(image, layout, file),
        ElementType.UInt64 => WriteIntegers<ulong>(image, layout, file),
        ElementType.Int64 => WriteIntegers<long>(image, layout, file),
        _ => throw new InvalidOperationException($"No image becomes {Type.NumPyName()}."),
    };

    private static byte[] Map<T>(PixelImage image, TensorLayout layout, ChannelOrder order, T[][] tables)
        where T : unmanaged
    {
        var bytes = new byte[image.Pixels.Length * Marshal.SizeOf<T>()];
        var elements = MemoryMarshal.Cast<byte, T>(bytes.AsSpan());
        var channels = image.Channels;
        var area = image.Width * image.Height;
        var (pixelStride, channelStride) = layout == TensorLayout.Nchw ? (1, area) : (channels, 1);
        for (var channel = 0; channel < channels; channel++)
        {
            var table = tables[channel];
            var source = order == ChannelOrder.Bgr ? channels - 1 - channel : channel;
            for (var i = 0; i < area; i++)
            {
                elements[(i * pixelStride) + (channel * channelStride)] = table[image.Pixels[(i * channels) + source]];
            }
        }

        return bytes;
    }

    private byte[] WriteFloats<T>(PixelImage image, TensorLayout layout)
        where T : unmanaged, INumberBase<T> =>
        Map(image, layout, Preprocessing.ChannelOrder, Tables(image.Channels, 1.0 / 255, T.CreateSaturating));

    private byte[] WriteIntegers<T>(PixelImage image, TensorLayout layout, string file)
        where T : unmanaged, IBinaryInteger<T>
    {
        var exact = Tables(image.Channels, 1, value => Math.Round(value, MidpointRounding.ToEven));
        var tables = Array.ConvertAll(exact, table => Array.ConvertAll(table, T.CreateSaturating));
        var isOutside = Array.ConvertAll(exact, table => Array.ConvertAll(table, value => double.CreateSaturating(T.CreateSaturating(value)) != value));
        if (Map(image, layout, Preprocessing.ChannelOrder, isOutside).Contains((byte)1))
        {
            throw SampleError.Type(
                file, $"a pixel's value does not fit the model's input, which takes {Type.NumPyName()}; set Scale and Mean so that it does (Mean=\"128\" for int8).");
        }

        return Map(image, layout, Preprocessing.ChannelOrder, tables);
    }

    private T[][] Tables<T>(int channels, double defaultScale, Func<double, T> convert)
    {
        var scale = Preprocessing.Scale ?? defaultScale;
        var tables = new T[channels][];
        for (var channel = 0; channel < channels; channel++)
        {
            double mean = Of(Preprocessing.Mean, channel);
            double std = Of(Preprocessing.Std, channel);
            tables[channel] = [.. Enumerable.Range(0, 256).Select(pixel => convert(((pixel * scale) - mean) / std))];
        }

        return tables;
    }

    private static float Of(System.Collections.Immutable.ImmutableArray<float> values, int channel) => values[values.Length == 1 ? 0 : channel];
}
