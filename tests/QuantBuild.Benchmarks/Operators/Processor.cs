using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Benchmarks.Operators;

/// <summary>What ONNX Runtime's integer kernels do on this processor, seen by what they compute.</summary>
internal static class Processor
{
    private const string VectorNeuralNetworkInstructions = "vnni";

    /// <summary>255 · 127 twice, as a pair: 64,770 where products are added in 32 bits, 32,767 where in 16.</summary>
    public static bool SaturatesPairs()
    {
        const int Depth = 64;
        var model = Model.Create("pairs", 13);
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.UInt8, [1, Depth]);
        var weights = model.Graph.AddInitializer("w", TensorData.Create<sbyte>([Depth, Depth], [.. Enumerable.Repeat((sbyte)127, Depth * Depth)]));
        var output = model.Graph.AddNode("MatMulInteger", [input, weights], "y").Output;
        output.Declare(ElementType.Int32, [1, Depth]);
        model.Graph.AddOutput(output);
        using var session = InferenceModel.Load(model, Optimization.AsDeployed);
        var inputs = ImmutableDictionary<string, TensorData>.Empty.Add("x", TensorData.Create<byte>([1, Depth], [.. Enumerable.Repeat(byte.MaxValue, Depth)]));
        return session.Run(inputs, ["y"])[0].AsSpan<int>()[0] != Depth * byte.MaxValue * 127;
    }

    public static string Describe(bool saturates)
    {
        var machine = Machine.Describe(1);
        var set = machine.InstructionSets.LastOrDefault(set => set.Contains(VectorNeuralNetworkInstructions, StringComparison.Ordinal));
        var kernels = saturates ? "no VNNI" : set?.Replace('_', '-').ToUpperInvariant() ?? "no pairs in 16 bits";
        return $"{machine.Cpu} ({kernels}), ONNX Runtime {machine.OnnxRuntime}";
    }
}
