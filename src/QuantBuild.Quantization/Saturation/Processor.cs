using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Saturation;

/// <summary>How the present processor adds products of bytes.</summary>
internal static class Processor
{
    private const int Terms = 4;

    private static readonly Lazy<bool> Tried = new(Try);

    public static bool IsX64 => RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>ONNX Runtime is asked, not the processor: which instructions it uses is its own choice.</summary>
    public static bool Saturates => Tried.Value;

    private static bool Try()
    {
        var model = Model.Create("products", 13);
        var input = model.Graph.AddInput("activations");
        input.Declare(ElementType.UInt8, [1, Terms]);
        var weights = model.Graph.AddInitializer("weights", TensorData.Create<sbyte>([Terms, 1], [sbyte.MaxValue, sbyte.MaxValue, sbyte.MaxValue, sbyte.MaxValue]));
        var sum = model.Graph.AddNode("MatMulInteger", [input, weights], "sum").Output;
        sum.Declare(ElementType.Int32, [1, 1]);
        model.Graph.AddOutput(sum);
        using var session = InferenceModel.Load(model, Optimization.None);
        SampleInputs largest = ImmutableDictionary<string, TensorData>.Empty.Add(
            input.Name, TensorData.Create<byte>([1, Terms], [byte.MaxValue, byte.MaxValue, byte.MaxValue, byte.MaxValue]));
        return session.Run(largest, [sum.Name])[0].AsSpan<int>()[0] != Terms * byte.MaxValue * sbyte.MaxValue;
    }
}
