using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

/// <summary>Text, a pass, and the text that is expected; ONNX Runtime must compute the same before and after.</summary>
internal static class PassCheck
{
    /// <summary>The length of a dimension that is open.</summary>
    private const long OpenLength = 2;

    private const float Tolerance = 1e-5f;

    public static void Verify(GraphPass pass, string before, string after, float tolerance = Tolerance)
    {
        var (model, changed) = (GraphText.Parse(before), GraphText.Parse(before));
        pass.Run(changed);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(GraphVerifier.Violations(changed.Graph), Is.Empty);
            Assert.That(GraphText.Print(changed), Is.EqualTo(GraphText.Print(GraphText.Parse(after))));
        }

        VerifySameResults(model, changed, tolerance);
    }

    /// <summary>The pass leaves the model alone.</summary>
    public static void VerifyRefused(GraphPass pass, string text) => Verify(pass, text, text);

    /// <summary>Both models on the same random inputs, without ONNX Runtime's own optimizations.</summary>
    public static void VerifySameResults(Model before, Model after, float tolerance = Tolerance)
    {
        var inputs = before.Graph.Inputs.Where(input => !input.HasConstant).ToImmutableDictionary(input => input.Name, RandomInput);
        using (Assert.EnterMultipleScope())
        {
            foreach (var (expected, actual) in Results(before, inputs).Zip(Results(after, inputs)))
            {
                Assert.That(actual.Dimensions, Is.EqualTo(expected.Dimensions));
                Assert.That(Numbers(actual), Is.EqualTo(Numbers(expected)).Within(tolerance));
            }
        }
    }

    private static TensorData[] Results(Model model, ImmutableDictionary<string, TensorData> inputs)
    {
        using var session = InferenceModel.Load(OnnxFile.ToBytes(model), Optimization.None);
        return session.Run(inputs, [.. model.Graph.Outputs.Select(output => output.Name)]);
    }

    /// <summary>Floats, or the bytes of any other type.</summary>
    private static float[] Numbers(TensorData tensor) =>
        tensor.Type == ElementType.Float ? tensor.ToFloats() : [.. tensor.Bytes.ToArray().Select(part => (float)part)];

    private static TensorData RandomInput(Value input)
    {
        var shape = input.DeclaredShape.Select(length => length ?? OpenLength).ToImmutableArray();
        return input.DeclaredType switch
        {
            ElementType.Float => new TinyModels().Random(shape),
            ElementType.Float16 => TensorData.Create<Half>(shape, [.. new TinyModels().Random(shape).ToFloats().Select(element => (Half)element)]),
            ElementType.Int64 => TensorData.Create<long>(shape, [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (product, length) => product * length)).Select(index => (long)index)]),
            ElementType.Boolean => TensorData.Create<bool>(shape, [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (product, length) => product * length)).Select(index => index % 2 == 0)]),
            var type => throw new NotSupportedException($"No random input of type {type}."),
        };
    }
}
