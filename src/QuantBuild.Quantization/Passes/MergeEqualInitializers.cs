using System.Security.Cryptography;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// Exporters write tied weights, and every small constant, once for each place that reads them. All then read the first of equal initializers, so
/// that what is shared is quantized once; those that nothing reads any more go with everything else that is unused.
/// </summary>
internal sealed class MergeEqualInitializers : GraphPass
{
    public override void Run(Model model)
    {
        var first = new Dictionary<string, Value>();
        foreach (var value in model.Graph.Initializers.Where(value => value is { IsConstant: true, Constant.Type: not ElementType.String } && !value.IsGraphOutput).ToArray())
        {
            var tensor = value.Constant!;
            var key = $"{tensor} {Convert.ToHexString(SHA256.HashData(tensor.Bytes.Span))}";
            if (!first.TryAdd(key, value))
            {
                value.ReplaceAllUsesWith(first[key]);
            }
        }
    }
}
