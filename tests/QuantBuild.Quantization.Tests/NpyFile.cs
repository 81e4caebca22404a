using System.Text;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests;

internal static class NpyFile
{
    /// <summary>NumPy's format 1.0: magic, header, elements.</summary>
    public static byte[] Bytes(TensorData tensor)
    {
        var descriptor = tensor.Type switch { ElementType.Int64 => "<i8", ElementType.Float16 => "<f2", _ => "<f4" };
        var header = $"{{'descr': '{descriptor}', 'fortran_order': False, 'shape': ({string.Concat(tensor.Dimensions.Select(length => $"{length},"))}), }}".PadRight(117) + "\n";
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header), .. tensor.Bytes.Span];
    }

    public static void Write(string path, TensorData tensor) => File.WriteAllBytes(path, Bytes(tensor));
}
