using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Auditing;

/// <summary>
/// Holds a quantized model against the graph that ONNX Runtime makes of it when an application loads it. A Q in front of an INT8 region and a DQ
/// behind it are its price and are counted; what else still runs is left over.
/// </summary>
public sealed class FusionAudit
{
    private readonly OperatorOrigins _origins;
    private readonly ImmutableArray<QuantizedUnit> _units;
    private readonly QuantizedTensors _tensors = new();
    private readonly Node[] _nodes;

    private FusionAudit(OperatorOrigins origins, ImmutableArray<QuantizedUnit> units, Graph optimized)
    {
        _origins = origins;
        _units = units;
        _nodes = [.. optimized.AllNodes];
    }

    /// <summary>What can be said of a model of which nothing else is known; null where ONNX Runtime does not load it.</summary>
    public static AuditReport? Of(Model quantized) => Of(quantized, quantized, []);

    /// <summary>The audit of what <paramref name="plan"/> made of a prepared model; null where ONNX Runtime's graph could not be had.</summary>
    internal static AuditReport? Of(Model prepared, Model quantized, QuantizationPlan plan) =>
        Of(prepared, quantized, [.. plan.Units.Where(unit => unit.Form == UnitForm.Static)]);

    private static AuditReport? Of(Model operators, Model quantized, ImmutableArray<QuantizedUnit> units)
    {
        var origins = new OperatorOrigins(operators, quantized);
        try
        {
            var report = OptimizedModel.Read(origins.Marked, optimized => new FusionAudit(origins, units, optimized.Graph).Report());
            return report with { Written = Bodies.Nodes(quantized.Graph).Count(node => QuantizedTensors.IsQuantize(node) || QuantizedTensors.IsDequantize(node)) };
        }
        catch (Exception exception) when (exception is InferenceException or QuantBuildException or IOException or UnauthorizedAccessException)
        {
            // A full disk, say: what was quantized is none the worse.
            return null;
        }
    }

    private AuditReport Report()
    {
        var unfused = Unfused();
        var known = unfused.Select(entry => entry.Unit.Node).ToHashSet();
        return new(
            _nodes.Where(_tensors.IsReadBy).GroupBy(node => node.OpType)
                .ToImmutableSortedDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal),
            _nodes.Count(QuantizedTensors.IsQuantize), _nodes.Count(QuantizedTensors.IsDequantize),
            [
                .. unfused.Select(entry => new LeftOverReport(Bodies.NameOf(entry.Unit.Node), LeftOverKind.UnfusedUnit, WhyFloat(entry.Runs))),
                .. Pairs(known).Distinct(),
                .. Weights(),
            ]);
    }

    /// <summary>The units of which a node is left that reads floats alone, with that node. A unit that is gone has become part of another.</summary>
    private (QuantizedUnit Unit, Node Runs)[] Unfused()
    {
        var runs = _nodes.Where(node => !QuantizedTensors.IsConversion(node)).Select(node => (Node: node, Origin: _origins.Of(node)))
            .Where(entry => entry.Origin is not null).ToLookup(entry => entry.Origin!, entry => entry.Node);
        return [.. _units.Where(unit => runs[unit.Node].Any() && !runs[unit.Node].Any(_tensors.IsReadBy)).Select(unit => (unit, runs[unit.Node].First()))];
    }

    private static string WhyFloat(Node node)
    {
        var open = node.Inputs.OfType<Value>().FirstOrDefault(input => !input.HasConstant && (input.Producer is null || !QuantizedTensors.IsDequantize(input.Producer)));
        var readers = node.Outputs.OfType<Value>().SelectMany(output => output.Consumers).Select(use => use.Node).ToArray();
        return node.Outputs.Any(output => output is { IsGraphOutput: true }) ? "it was to run on integers and runs in float: its output is one of the model's"
            : open is not null ? $"it was to run on integers and runs in float: '{open.Name}' comes to it in float"
            : readers.Any(reader => !QuantizedTensors.IsQuantize(reader)) ? "it was to run on integers and runs in float: its output is read in float"
            : $"it was to run on integers and runs in float: ONNX Runtime {InferenceModel.RuntimeVersion} does not fuse it with the Q and DQ around it";
    }

    /// <summary>Q and DQ with nothing but moves between them. Where a unit around them is not fused, that is what there is to say.</summary>
    private IEnumerable<LeftOverReport> Pairs(HashSet<Node> unfused)
    {
        foreach (var quantize in _nodes.Where(node => QuantizedTensors.IsQuantize(node) && !node.Output.IsGraphOutput))
        {
            var readers = Readers(quantize).ToArray();
            if (readers.Length == 0 || !readers.All(QuantizedTensors.IsDequantize))
            {
                continue;
            }

            var (before, behind) = (_origins.Before(quantize), readers.Select(_origins.Behind).FirstOrDefault(origin => origin is not null));
            if (!(before is not null && unfused.Contains(before)) && !(behind is not null && unfused.Contains(behind)))
            {
                yield return new(NameOf(before ?? behind, quantize), LeftOverKind.Pair, "its output is rounded by a Q and a DQ between which nothing computes on integers");
            }
        }
    }

    /// <summary>What reads the integers that a node makes, or the same integers in other places.</summary>
    private IEnumerable<Node> Readers(Node node) => node.Outputs.OfType<Value>().SelectMany(output => output.Consumers).Select(use => use.Node)
        .SelectMany(reader => _tensors.IsMovedBy(reader) ? Readers(reader) : [reader]);

    private IEnumerable<LeftOverReport> Weights() => _nodes
        .Where(node => QuantizedTensors.IsDequantize(node) && node.Input(0) is { HasConstant: true })
        .GroupBy(node => NameOf(_origins.Behind(node) ?? _origins.Of(node), node))
        .Select(group => new LeftOverReport(group.Key, LeftOverKind.Weights, string.Create(
            CultureInfo.InvariantCulture, $"{group.Sum(node => node.Input(0)!.Constant!.ElementCount):N0} of its constants become float again at every run")));

    private static string NameOf(Node? origin, Node conversion) =>
        origin is not null ? Bodies.NameOf(origin) : conversion.Input(0) is { } input ? input.Name : conversion.OpType;
}
