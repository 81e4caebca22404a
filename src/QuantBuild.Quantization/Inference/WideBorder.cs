using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Inference;

/// <summary>
/// A model whose inputs and outputs of types that ONNX Runtime's .NET API cannot name are cast to wider ones (<see cref="WideElements"/>): with
/// such a type at its border a session cannot even be opened. What is known here are the types that the model itself gives them.
/// </summary>
internal sealed class WideBorder
{
    private readonly Model _model;
    private readonly Dictionary<string, ElementType> _types = [];
    private readonly Dictionary<string, string> _outputs = [];

    private WideBorder(Model model) => _model = model;

    public byte[] Bytes => OnnxFile.ToBytes(_model);

    /// <summary>An output that has no declared type is left out where <paramref name="loads"/> says that the model does not load with it.</summary>
    public static WideBorder Around(byte[] model, Func<byte[], bool> loads)
    {
        var border = new WideBorder(OnnxFile.FromBytes(model));
        border.LeaveOut(loads);
        border.WidenOutputs();
        border.WidenInputs();
        return border;
    }

    /// <summary>The type that the model gives an input or output, null where it is none of the narrow ones.</summary>
    public ElementType? TypeOf(string name) => _types.TryGetValue(name, out var type) ? type : null;

    /// <summary>What the session calls an output of the model.</summary>
    public string SessionName(string output) => _outputs.GetValueOrDefault(output, output);

    /// <summary>What the model calls an output of the session.</summary>
    public string ModelName(string sessionOutput) =>
        _outputs.FirstOrDefault(entry => entry.Value == sessionOutput).Key ?? sessionOutput;

    private static bool IsNarrow(Value value) => WideElements.TypeFor(value.DeclaredType) is not null;

    private void LeaveOut(Func<byte[], bool> loads)
    {
        var outputs = _model.Graph.Outputs.ToArray();
        if (outputs.All(output => output.DeclaredType != ElementType.Undefined))
        {
            return;
        }

        var kept = new List<Value>();
        foreach (var output in outputs)
        {
            var probe = _model.Clone();
            probe.Graph.SetOutputs([probe.Graph.Find(output.Name)!]);
            foreach (var input in probe.Graph.Inputs.Where(IsNarrow).ToArray())
            {
                new WideBorder(probe).Widen(input);
            }

            if (output.DeclaredType != ElementType.Undefined || loads(OnnxFile.ToBytes(probe)))
            {
                kept.Add(output);
            }
        }

        _model.Graph.SetOutputs(kept);
    }

    private void WidenOutputs()
    {
        ImmutableArray<Value> outputs = [.. _model.Graph.Outputs];
        _model.Graph.SetOutputs(outputs.Select(output =>
        {
            if (!IsNarrow(output) || output.IsGraphInput)
            {
                return output;
            }

            var type = WideElements.TypeFor(output.DeclaredType)!.Value;
            var wide = _model.Graph.AddNode("Cast", [output], output.Name + "_wide").Set("to", (long)type).Output;
            wide.Declare(type, output.DeclaredShape);
            _types[output.Name] = output.DeclaredType;
            _outputs[output.Name] = wide.Name;
            return wide;
        }));
    }

    private void WidenInputs()
    {
        foreach (var input in _model.Graph.Inputs.Where(IsNarrow).ToArray())
        {
            Widen(input);
        }
    }

    private void Widen(Value input)
    {
        _types[input.Name] = input.DeclaredType;
        var consumers = input.Consumers.ToArray();
        var narrow = _model.Graph.AddNode("Cast", [input], input.Name + "_narrow", _model.Graph.Nodes.Count > 0 ? _model.Graph.Nodes[0] : null)
            .Set("to", (long)input.DeclaredType);
        if (input.DeclaredType.BitsPerElement() == 8)
        {
            narrow.Set("saturate", 0L);
        }

        foreach (var use in consumers)
        {
            use.Node.SetInput(use.Index, narrow.Output);
        }

        input.Declare(WideElements.TypeFor(input.DeclaredType)!.Value, input.DeclaredShape);
    }
}
