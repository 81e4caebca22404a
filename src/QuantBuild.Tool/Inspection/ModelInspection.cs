using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Auditing;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Tool.Inspection;

/// <summary>What a model's file holds. Operators and weights are counted in nested graphs too.</summary>
internal sealed record ModelInspection(
    string Model,
    long IrVersion,
    string Producer,
    ImmutableSortedDictionary<string, long> Opsets,
    ImmutableArray<InspectedValue> Inputs,
    ImmutableArray<InspectedValue> Outputs)
{
    public required ImmutableArray<OperatorCount> Operators { get; init; }

    public required ImmutableArray<WeightCount> Weights { get; init; }

    /// <summary>What ONNX Runtime makes of a quantized model; null for a float one, and for one that it does not load.</summary>
    public AuditReport? Audit { get; init; }

    public static ModelInspection Of(string path, Model model)
    {
        var graph = model.Graph;
        var nodes = graph.AllNodes.ToArray();
        var constants = graph.Initializers
            .Concat(nodes.SelectMany(node => node.Subgraphs).SelectMany(subgraph => subgraph.Initializers))
            .Select(value => value.Constant)
            .Concat(nodes.Where(node => node.Is("Constant")).Select(node => node.Attributes.GetValueOrDefault("value")?.Tensor))
            .OfType<TensorData>();
        return new(
            path, model.IrVersion, model.ProducerName, model.Opsets,
            [.. graph.Inputs.Where(value => !value.HasConstant).Select(InspectedValue.Of)],
            [.. graph.Outputs.Select(InspectedValue.Of)])
        {
            Operators =
            [
                .. nodes.GroupBy(node => (node.Domain, node.OpType))
                    .Select(group => new OperatorCount(group.Key.OpType, group.Key.Domain, group.Count()))
                    .OrderByDescending(row => row.Count).ThenBy(row => row.Domain, StringComparer.Ordinal).ThenBy(row => row.Type, StringComparer.Ordinal),
            ],
            Audit = nodes.Any(node => node.OpType is "QuantizeLinear" or "DequantizeLinear" or "DynamicQuantizeLinear") ? FusionAudit.Of(model) : null,
            Weights =
            [
                .. constants.GroupBy(tensor => tensor.Type)
                    .Select(group => new WeightCount(group.Key, group.Count(), group.Sum(tensor => tensor.ElementCount), group.Sum(Size)))
                    .OrderByDescending(row => row.Bytes).ThenBy(row => row.Type.NumPyName(), StringComparer.Ordinal),
            ],
        };
    }

    private static long Size(TensorData tensor) =>
        tensor.Type == ElementType.String ? tensor.Strings.Sum(text => (long)text.Length) : tensor.Bytes.Length;
}

/// <summary><paramref name="Shape"/> is null where the rank is open, and has null where a dimension is.</summary>
internal sealed record InspectedValue(string Name, ElementType Type, long?[]? Shape)
{
    public static InspectedValue Of(Value value) =>
        new(value.Name, value.DeclaredType, value.DeclaredShape.IsDefault ? null : [.. value.DeclaredShape]);
}

/// <summary><paramref name="Domain"/> is empty for ONNX's own operators.</summary>
internal sealed record OperatorCount(string Type, string Domain, int Count);

internal sealed record WeightCount(ElementType Type, int Tensors, long Elements, long Bytes);
