using System.Security.Cryptography;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Calibration;

/// <summary>What tells prepared models apart.</summary>
internal static class ModelIdentity
{
    public static string Of(Model prepared) => Convert.ToHexStringLower(SHA256.HashData(OnnxFile.ToBytes(prepared)));
}
