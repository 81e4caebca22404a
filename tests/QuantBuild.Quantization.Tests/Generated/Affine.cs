using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Generated;

/// <summary>The arithmetic that every quantized model comes down to: x = (q − zero point) · scale.</summary>
internal static class Affine
{
    /// <summary>The axis that channels or blocks of parameters run along.</summary>
    public static Along AxisOf(Node node, Numbers x) => new((int)(node.Int("axis", 1) + x.Rank) % x.Rank, (int)node.Int("block_size", 0));

    public static Numbers Dequantize(Numbers x, Numbers scale, Numbers zeroPoint, Along along) =>
        x.Rank == 0 ? new([(x.Elements[0] - zeroPoint.Elements[0]) * scale.Elements[0]], [])
        : Numbers.Make(x.Shape, position => (x[position] - along.Read(zeroPoint, position)) * along.Read(scale, position));

    public static Numbers Quantize(Numbers x, Rounding rounding, Along along) => Numbers.Make(x.Shape, position => Math.Clamp(
        Math.Round(x[position] / along.Read(rounding.Scale, position), MidpointRounding.ToEven) + along.Read(rounding.ZeroPoint, position), rounding.Least, rounding.Greatest));

    /// <summary>As DynamicQuantizeLinear is defined, in single precision: quantized, scale and zero point.</summary>
    public static Numbers[] QuantizeDynamically(Numbers x)
    {
        var (low, high) = ((float)Math.Min(x.Elements.Min(), 0), (float)Math.Max(x.Elements.Max(), 0));
        var scale = high == low ? 1 : (high - low) / 255;
        var zeroPoint = Math.Clamp(MathF.Round(-low / scale, MidpointRounding.ToEven), 0, 255);
        return
        [
            x.Map(value => Math.Clamp(MathF.Round((float)value / scale, MidpointRounding.ToEven) + zeroPoint, 0, 255)), new([scale], []), new([zeroPoint], []),
        ];
    }

    /// <summary>What numbers are rounded to.</summary>
    internal readonly record struct Rounding(Numbers Scale, Numbers ZeroPoint, ElementType Type)
    {
        public double Least => Type is ElementType.UInt8 or ElementType.UInt16 ? 0 : Type == ElementType.Int8 ? -128 : -32768;

        public double Greatest => Type switch { ElementType.UInt8 => 255, ElementType.UInt16 => 65535, ElementType.Int8 => 127, _ => 32767 };
    }

    /// <summary>Parameters are one for all, one for each index of an axis, or one for each block of so many indices.</summary>
    internal readonly record struct Along(int Axis, int BlockSize)
    {
        public double Read(Numbers parameters, int[] position)
        {
            if (parameters.Elements.Length == 1)
            {
                return parameters.Elements[0];
            }

            if (BlockSize == 0)
            {
                return parameters.Elements[position[Axis]];
            }

            var block = position.ToArray();
            block[Axis] /= BlockSize;
            return parameters[block];
        }
    }
}
