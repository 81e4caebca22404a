using System.Security.Cryptography;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Calibration;

/// <summary>What tells prepared models apart.</summary>
internal static class ModelIdentity
{
    public static string Of(Model prepared)
    {
        // Weights of large models stay in their files: their hashes stand for them.
        var model = prepared.Clone();
        foreach (var value in model.Graph.Initializers.Where(value => value.Constant?.Region is not null).ToArray())
        {
            value.Constant = TensorData.Create<byte>([SHA256.HashSizeInBytes], SHA256.HashData(value.Constant!.Bytes.Span));
        }

        return Convert.ToHexStringLower(SHA256.HashData(OnnxFile.ToBytes(model)));
    }
}
