using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Tests;

internal sealed class GraphTextRunTests
{
    /// <summary>Bit for bit: every weight came back as it was.</summary>
    [TestCase("mnist/emnist_digits_cnn.onnx", new long[] { 2, 28, 28, 1 })]
    [TestCase("cifar10/cifar_resnet20_bn.onnx", new long[] { 2, 3, 32, 32 })]
    public void Parse_PrintedModel_ComputesTheSame(string path, long[] shape)
    {
        var model = OnnxFile.Read(SharedData.Require(path));
        var parsed = GraphText.Parse(GraphText.Print(model));

        var input = new TinyModels().Random([.. shape]);
        Assert.That(Run(parsed, input), Is.EqualTo(Run(model, input)));
    }

    private static byte[] Run(Model model, TensorData input)
    {
        using var session = InferenceModel.Load(OnnxFile.ToBytes(model), Optimization.AsDeployed);
        var inputs = ImmutableDictionary<string, TensorData>.Empty.Add(session.Inputs.Single().Name, input);
        return session.Run(inputs, [.. session.OutputNames])[0].Bytes.ToArray();
    }
}
