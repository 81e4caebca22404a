using System.Security.Cryptography;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>
/// Constants that several scopes hold become one of the main graph: the branches of an If often share their weights. ONNX Runtime's integer kernels take
/// those of an outer scope as they do those of the body itself; but a model does not load where it looks there for the weights of MatMulNBits.
/// </summary>
internal static class BodyConstants
{
    /// <summary>Smaller ones cost less than the names.</summary>
    private const int FewestBytes = 64;

    public static void Share(Graph main, ModelForm form)
    {
        var bodies = Bodies.Scopes(main).Skip(1).ToHashSet();
        if (bodies.Count == 0)
        {
            return;
        }

        var equal = bodies.Prepend(main).SelectMany(graph => graph.Initializers)
            .Where(value => value.IsConstant && !value.IsGraphOutput && value.Constant!.Bytes.Length >= FewestBytes && (form.HasIntegerKernels || !IsDequantized(value))).ToArray()
            .GroupBy(value => (value.Constant!.Type, string.Join(',', value.Constant.Dimensions), Convert.ToHexString(SHA256.HashData(value.Constant.Bytes.Span))));
        foreach (var group in equal.Where(group => group.Skip(1).Any()))
        {
            var shared = group.First().Graph == main ? group.First() : main.AddInitializer(group.First().Name + "_shared", group.First().Constant!);
            foreach (var value in group.Where(value => bodies.Contains(value.Graph)))
            {
                value.ReplaceAllUsesWith(shared);
                value.Graph.RemoveInitializer(value);
            }
        }
    }

    private static bool IsDequantized(Value value) => value.Consumers.Any(use => use.Node.OpType == "DequantizeLinear");
}
