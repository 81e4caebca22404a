using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Rewriting;

namespace QuantBuild.Benchmarks.Operators;

/// <summary>
/// A model that is written in one form, its Q and DQ where the engine puts them around static units. Scales are made up: no kernel's time
/// depends on them. What becomes INT8 is decided here and not by the engine, whose decisions follow from what is measured.
/// </summary>
internal sealed class CaseGraph
{
    /// <summary>The first with blocks of weights.</summary>
    private const long Opset = 21;

    private const int ZeroPointOfSigned = 128;
    private readonly Random _random = new(7);
    private readonly QuantizationOperands _operands;
    private readonly Dictionary<Value, QuantizationParameters> _parameters = [];
    private readonly Dictionary<Value, Value> _dequantized = [];
    private int _scales;

    public CaseGraph(KernelForm form)
    {
        Form = form;
        IsInt8 = form == KernelForm.Int8;
        _operands = new(Model, Graph);
    }

    public Model Model { get; } = Model.Create("case", Opset);

    public Graph Graph => Model.Graph;

    public KernelForm Form { get; }

    /// <summary>Whether operators are put between Q and DQ; a model of both is written by switching.</summary>
    public bool IsInt8 { get; set; }

    /// <summary>All values under one scale, as where a Concat is given one range.</summary>
    public bool HasOneScale { get; set; }

    public Value Input(params ImmutableArray<long> shape) => Input(ElementType.Float, shape);

    public Value Input(ElementType type, ImmutableArray<long> shape)
    {
        var value = Graph.AddInput(Graph.UniqueName("x"));
        value.Declare(type, [.. shape.Select(length => (long?)length)]);
        return value;
    }

    public Value Floats(string hint, ImmutableArray<long> shape, Func<Random, float> element)
    {
        var elements = new float[shape.Aggregate(1L, (product, length) => product * length)];
        for (var i = 0; i < elements.Length; i++)
        {
            elements[i] = element(_random);
        }

        return Graph.AddInitializer(hint, TensorData.Create<float>(shape, elements));
    }

    public Value Longs(string hint, params ReadOnlySpan<long> elements) => Graph.AddInitializer(hint, TensorData.Vector<long>(elements));

    /// <summary>An output that is read in this form.</summary>
    public void Output(Value value)
    {
        if (!value.IsGraphOutput)
        {
            value.Declare(ElementType.Float, default);
            Graph.AddOutput(value);
        }
    }

    /// <summary>A value as operators in the present form read it.</summary>
    public Value Operand(Value value)
    {
        if (!IsInt8 || _parameters.ContainsKey(value))
        {
            return value;
        }

        if (!_dequantized.TryGetValue(value, out var dequantized))
        {
            dequantized = Requantize(value, NextParameters());
            _dequantized[value] = dequantized;
        }

        return dequantized;
    }

    public QuantizationParameters ParametersOf(Value dequantized) => _parameters[dequantized];

    /// <summary>An operator whose output has a range of its own; <paramref name="operands"/> come from <see cref="Operand"/>.</summary>
    public Value Apply(string opType, IEnumerable<Value?> operands, params IEnumerable<NodeAttribute> attributes) =>
        Finish(AddNode(opType, operands, attributes).Output, NextParameters());

    /// <summary>An operator whose outputs have the range of its first input.</summary>
    public Value Move(string opType, IEnumerable<Value?> operands, params IEnumerable<NodeAttribute> attributes)
    {
        var node = AddNode(opType, operands, attributes);
        return Finish(node.Output, IsInt8 ? ParametersOf(node.Input(0)!) : null);
    }

    public Node AddNode(string opType, IEnumerable<Value?> operands, params IEnumerable<NodeAttribute> attributes)
    {
        var node = Graph.AddNode(opType, operands, opType + "_y");
        foreach (var attribute in attributes)
        {
            node.Set(attribute);
        }

        return node;
    }

    public Value Finish(Value value, QuantizationParameters? parameters) => IsInt8 ? Requantize(value, parameters!) : value;

    public Node Quantize(Value value, QuantizationParameters parameters) => _operands.Quantize(value, parameters, value.Name);

    public Value Dequantize(Value integers, QuantizationParameters parameters)
    {
        var output = _operands.Dequantize(integers, parameters, integers.Name).Output;
        _parameters[output] = parameters;
        return output;
    }

    /// <summary>A constant as the engine writes it: integers and their DQ.</summary>
    public Value DequantizeConstant(QuantizedWeights weights, string hint) => _operands.DequantizeConstant(weights, hint).Output;

    /// <summary>The range of what a Relu ended begins at 0, else the kernel does not take the Relu in.</summary>
    public QuantizationParameters NextParameters(bool isPositive = false) => QuantizationParameters.PerTensor(
        ElementType.UInt8, (4 + (HasOneScale ? 0 : 0.01f * _scales++)) / byte.MaxValue, isPositive ? 0 : ZeroPointOfSigned);

    private Value Requantize(Value value, QuantizationParameters parameters) => Dequantize(Quantize(value, parameters).Output, parameters);
}
