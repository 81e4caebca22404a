using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Passes.Opsets;

/// <summary>Element types and ranks of a model's values: declared ones, and for the main graph those that ONNX Runtime infers when it loads the model.</summary>
internal sealed class InferredTypes
{
    private readonly Model _model;
    private readonly Lazy<Dictionary<string, InputSpecification>> _inferred;

    /// <param name="model">As it was before any change.</param>
    public InferredTypes(Model model)
    {
        _model = model.Clone();
        _inferred = new(Infer);
    }

    /// <summary><see cref="ElementType.Undefined"/> where nothing tells.</summary>
    public ElementType TypeOf(Value? value) => value switch
    {
        null => ElementType.Undefined,
        { HasConstant: true } => value.Constant!.Type,
        { DeclaredType: not ElementType.Undefined } => value.DeclaredType,
        _ when InferredOf(value) is { Type: not ElementType.Undefined } known => known.Type,
        // Only nested graphs come here, and there most operators give the type that they take.
        { Producer: { } producer } when producer.Is("Cast") => (ElementType)producer.Int("to", 0),
        { Producer: { } producer } => TypeOf(producer.Input(0)),
        _ => ElementType.Undefined,
    };

    public int? RankOf(Value? value) =>
        value is null ? null
        : value.HasConstant ? value.Constant!.Rank
        : !value.DeclaredShape.IsDefault ? value.DeclaredShape.Length
        : InferredOf(value) is { Dimensions.IsDefaultOrEmpty: false } known ? known.Dimensions.Length
        : null;

    /// <summary>Writes down what is known of a value's shape, for operators in its producer's place from which it is not to be inferred.</summary>
    public void Declare(Value value)
    {
        if (value.DeclaredShape.IsDefault && InferredOf(value) is { Dimensions.IsDefaultOrEmpty: false } known)
        {
            value.Declare(known.Type, known.Dimensions);
        }
    }

    private InputSpecification? InferredOf(Value value) =>
        value.Graph.Parent is null ? _inferred.Value.GetValueOrDefault(value.Name) : null;

    private Dictionary<string, InputSpecification> Infer()
    {
        _model.Graph.SetOutputs(_model.Graph.Nodes.SelectMany(node => node.Outputs.OfType<Value>()));
        try
        {
            using var session = InferenceModel.Load(_model, Optimization.None);
            return session.Outputs.ToDictionary(output => output.Name);
        }
        catch (InferenceException)
        {
            return [];
        }
    }
}
