using System.Runtime.InteropServices;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Saturation;

/// <summary>From integer sums to what an operator hands out: bytes under the output's scale, floats, or the sums themselves.</summary>
internal sealed class ProductScaling
{
    private readonly float[] _scales;
    private readonly int[] _bias;
    private readonly float[] _floatBias;
    private readonly int? _zeroPoint;

    public ProductScaling(OperandValues values)
    {
        (_scales, _bias, _floatBias, _zeroPoint) = (values.Scales, values.Bias, values.FloatBias, values.OutputZeroPoint);
        Type = _zeroPoint is not null ? ElementType.UInt8 : _scales.Length > 0 ? ElementType.Float : ElementType.Int32;
    }

    public ElementType Type { get; }

    /// <summary>Scales the sums of some channels in a row, from <paramref name="channel"/> on, into as many elements of <paramref name="target"/>.</summary>
    public void Scale(ReadOnlySpan<int> sums, int channel, Span<byte> target)
    {
        for (var i = 0; i < sums.Length; i++)
        {
            var sum = sums[i] + At(_bias, channel + i);
            switch (Type)
            {
                case ElementType.UInt8:
                    target[i] = Requantize(sum * At(_scales, channel + i), _zeroPoint!.Value);
                    break;
                case ElementType.Float:
                    MemoryMarshal.Cast<byte, float>(target)[i] = (sum * At(_scales, channel + i)) + At(_floatBias, channel + i);
                    break;
                default:
                    MemoryMarshal.Cast<byte, int>(target)[i] = sum;
                    break;
            }
        }
    }

    private static byte Requantize(float value, int zeroPoint) =>
        (byte)((int)MathF.Round(Math.Clamp(value, -zeroPoint, byte.MaxValue - zeroPoint), MidpointRounding.ToEven) + zeroPoint);

    private static T At<T>(T[] values, int channel) => values.Length switch
    {
        0 => default!,
        1 => values[0],
        _ => values[channel],
    };
}
