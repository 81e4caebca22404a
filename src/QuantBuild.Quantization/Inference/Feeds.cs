using System.Collections.Immutable;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Inference;

/// <summary>The inputs of one run, as ONNX Runtime takes them; the elements of tensors are not copied.</summary>
internal sealed class Feeds : IDisposable
{
    private readonly List<string> _names = [];
    private readonly List<OrtValue> _values = [];
    private readonly List<IDisposable> _held = [];

    public IReadOnlyCollection<string> Names => _names;

    public IReadOnlyCollection<OrtValue> Values => _values;

    public void Add(string name, TensorData tensor)
    {
        _values.Add(ToValue(tensor));
        _names.Add(name);
    }

    public void Add(string name, ImmutableArray<TensorData> sequence, ElementType elementType)
    {
        _values.Add(sequence.IsEmpty ? EmptySequence(elementType) : OrtValue.CreateSequence([.. sequence.Select(ToValue)]));
        _names.Add(name);
    }

    public void Dispose()
    {
        _values.ForEach(value => value.Dispose());
        _held.ForEach(held => held.Dispose());
    }

    /// <summary>The API makes no sequence without elements; a model does.</summary>
    private OrtValue EmptySequence(ElementType elementType)
    {
        var model = Model.Create("empty", 11);
        model.Graph.AddOutput(model.Graph.AddNode("SequenceEmpty", [], "sequence").Set("dtype", (long)elementType).Output);
        using var session = new InferenceSession(OnnxFile.ToBytes(model));
        using var run = new RunOptions();
        var results = session.Run(run, Array.Empty<string>(), Array.Empty<OrtValue>(), ["sequence"]);
        _held.Add(results);
        return results[0];
    }

    private unsafe OrtValue ToValue(TensorData tensor)
    {
        long[] shape = [.. tensor.Dimensions];
        if (tensor.Type == ElementType.String)
        {
            var strings = OrtValue.CreateTensorWithEmptyStrings(OrtAllocator.DefaultInstance, shape);
            foreach (var (index, text) in tensor.Strings.Index())
            {
                strings.StringTensorSetElementAt(text.Span, index);
            }

            return strings;
        }

        var pin = tensor.Bytes.Pin();
        _held.Add(pin);
        return OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance, (TensorElementType)tensor.Type, shape, (nint)pin.Pointer, tensor.Bytes.Length);
    }
}
