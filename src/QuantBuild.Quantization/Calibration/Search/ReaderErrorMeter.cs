using System.Runtime.InteropServices;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Calibration.Search;

/// <summary>
/// Measures what each candidate range does to the outputs of the operators that read the tensor, all in one pass: beside the float model, each
/// reader runs again for each candidate, on this one input after Q and DQ. A tensor that none reads is compared itself.
/// </summary>
internal sealed class ReaderErrorMeter
{
    private readonly Model _model;
    private readonly Graph _graph;
    private readonly CandidateRanges _candidates;
    private readonly Dictionary<Node, Node> _clones;
    private readonly Dictionary<string, Value> _energies = [];
    private readonly List<Probe> _probes = [];

    public ReaderErrorMeter(RangeContext context, CandidateRanges candidates)
    {
        _model = context.Model.Clone();
        _graph = _model.Graph;
        _candidates = candidates;
        _clones = context.Model.Graph.Nodes.Zip(_graph.Nodes).ToDictionary(pair => pair.First, pair => pair.Second);
        RoundingNodes.Prepare(_model);
        // Of an operator that divides a tensor every output would have to be copied; it changes no values. What bodies hold cannot be reached from without.
        var readers = context.Placement.Units.Where(unit => unit.Form == UnitForm.Static && !unit.Rule.HasManyOutputs && _clones.ContainsKey(unit.Node))
            .SelectMany(unit => unit.Inputs.Distinct().Select(input => (input.Name, Unit: unit))).ToLookup(entry => entry.Name, entry => entry.Unit);
        foreach (var (group, names) in candidates.Groups.Index())
        {
            foreach (var method in candidates.DistinctMethods(group))
            {
                _probes.AddRange(names.Where(name => _graph.Find(name) is not null).SelectMany(name => Probes(name, readers[name], method).Select(pair => new Probe(group, method, pair.Noise, pair.Signal))));
            }
        }

        _graph.SetOutputs(_probes.SelectMany(probe => new[] { probe.Noise, probe.Signal }).Distinct());
        TopologicalOrder.Restore(_graph);
        RemoveUnused.Prune(_graph);
    }

    /// <summary>For each group and method the noise as a share of the signal, added up over the readers; infinite for methods that were not measured, and for all in bodies.</summary>
    public double[][] Measure(SampleRun samples)
    {
        var names = _graph.Outputs.Select(output => output.Name).ToArray();
        var energies = new float[samples.Count][];
        if (names.Length > 0)
        {
            using var session = InferenceModel.Load(_model, Optimization.None);
            samples.ForEach("Measuring ranges", (position, sample) =>
            {
                energies[position] = new float[names.Length];
                session.Run(sample.Inputs, names, (index, _, _, bytes) => energies[position][index] = MemoryMarshal.Read<float>(bytes));
            });
        }

        // In the order of the samples, whichever thread was first
        var totals = names.Index().ToDictionary(entry => entry.Item, entry => energies.Sum(sample => (double)sample[entry.Index]));
        var shares = _probes.ToLookup(probe => (probe.Group, probe.Method), probe => Numerics.Energy.Share(totals[probe.Noise.Name], totals[probe.Signal.Name]));
        return [.. _candidates.Groups.Select((_, group) => CalibrationMethods.OfOneTensor
            .Select((_, method) => shares[(group, method)].DefaultIfEmpty(double.PositiveInfinity).Sum()).ToArray())];
    }

    private (Value Noise, Value Signal)[] Probes(string name, IEnumerable<QuantizedUnit> readers, int method)
    {
        var value = _graph.Find(name)!;
        var parameters = _candidates.Parameters(method, name);
        var rounded = RoundingNodes.Add(
            value, _graph.AddInitializer(name + "_scale", TensorData.Scalar(parameters.Scale)), _graph.AddInitializer(name + "_zero", RoundingNodes.ZeroPoint(parameters)));
        var outputs = readers.Select(unit => (Exact: _graph.Find(unit.Output.Name)!, Actual: Copy(unit, value, rounded))).ToArray();
        return (outputs.Length == 0 ? [(Exact: value, Actual: rounded)] : outputs)
            .Select(pair => (Energy(_graph.AddNode("Sub", [pair.Actual, pair.Exact], name + "_noise").Output), EnergyOf(pair.Exact))).ToArray();
    }

    private Value Copy(QuantizedUnit unit, Value value, Value replacement)
    {
        var node = _clones[unit.Node];
        var output = Copy(node, value, replacement);
        return unit.Activation is { } activation ? Copy(_clones[activation], node.Output, output) : output;
    }

    private Value Copy(Node node, Value value, Value replacement)
    {
        var copy = _graph.AddNode(node.OpType, node.Inputs.Select(input => input == value ? replacement : input), node.Output.Name + "_probe");
        foreach (var attribute in node.Attributes.Values)
        {
            copy.Set(attribute);
        }

        return copy.Output;
    }

    private Value EnergyOf(Value exact)
    {
        if (!_energies.TryGetValue(exact.Name, out var energy))
        {
            energy = Energy(exact);
            _energies[exact.Name] = energy;
        }

        return energy;
    }

    private Value Energy(Value value) => _graph.AddNode("ReduceSumSquare", [value], value.Name + "_energy").Set("keepdims", 0).Output;

    private readonly record struct Probe(int Group, int Method, Value Noise, Value Signal);
}
