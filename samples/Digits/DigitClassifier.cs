using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;

namespace Digits;

/// <summary>Says which digit an image shows. Nothing here depends on whether the model is INT8 or float.</summary>
internal sealed class DigitClassifier : IDisposable
{
    private static readonly long[] Shape = [1, 1, DigitImage.Side, DigitImage.Side];

    private readonly RunOptions _run = new();
    private readonly InferenceSession _session;

    public DigitClassifier(string modelPath)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1 };
        _session = new InferenceSession(modelPath, options);
    }

    public int Classify(DigitImage image)
    {
        using var input = OrtValue.CreateTensorValueFromMemory(image.Pixels, Shape);
        using var outputs = _session.Run(_run, ["image"], [input], ["logits"]);
        return TensorPrimitives.IndexOfMax(outputs[0].GetTensorDataAsSpan<float>());
    }

    public void Dispose()
    {
        _session.Dispose();
        _run.Dispose();
    }
}
