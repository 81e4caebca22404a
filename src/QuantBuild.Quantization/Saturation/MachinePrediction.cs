using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Saturation;

/// <summary>What a quantized model computes on the kind of x64 processor that this one is not: without VNNI where this one has it, and the other way round.</summary>
internal sealed class MachinePrediction : IDisposable
{
    private const string WithVnni = "x64 with VNNI";
    private const string WithoutVnni = "x64 without VNNI";

    private readonly TargetName _target;
    private readonly ImmutableArray<(IntegerUnit Unit, string Name)> _units;
    private readonly EmulatedModel? _model;
    private readonly IntegerInputs _integers;

    /// <param name="target">The machines that the model is made for.</param>
    /// <param name="optimized">Null where it has no signed weights, so that nothing saturates.</param>
    /// <param name="integers">The inputs that the model takes as integers.</param>
    private MachinePrediction(TargetName target, OptimizedUnits? optimized, IntegerInputs integers)
    {
        (_target, _integers) = (target, integers);
        _units = optimized is null ? [] : [.. optimized.Units.Select(unit => (unit, optimized.NameOf(unit)))];
        _model = _units.IsEmpty ? null : new EmulatedModel(optimized!.Model, optimized.Units, !Processor.Saturates);
    }

    /// <summary>The operators that may saturate, and what was seen of them so far.</summary>
    public ImmutableArray<SaturationReport> Units =>
    [
        .. _units.Select(entry => new SaturationReport(
            entry.Name, entry.Unit.Node.OpType, entry.Unit.Constant!.PairCount,
            entry.Unit.Constant.CountSaturating(entry.Unit.Tally.Activations.Low, entry.Unit.Tally.Activations.High),
            entry.Unit.Tally.Sums == 0 ? 0 : (double)entry.Unit.Tally.Changed / entry.Unit.Tally.Sums)),
    ];

    /// <summary>Null where the target is no x64, and where an operator that may saturate is none of those that are emulated.</summary>
    public static MachinePrediction? Of(Model quantized, TargetName target)
    {
        if (target is not (TargetName.X64 or TargetName.Vnni))
        {
            return null;
        }

        var hasSignedWeights = Bodies.Scopes(quantized.Graph).SelectMany(graph => graph.Initializers).Any(value => value.Constant!.Type == ElementType.Int8);
        var integers = IntegerInputs.Of(quantized);
        return !hasSignedWeights ? new(target, null, integers) : OptimizedUnits.Of(quantized) is { } optimized ? new(target, optimized, integers) : null;
    }

    /// <summary>Null where the outputs are those of this machine.</summary>
    public TensorData[]? Run(SampleInputs inputs, IReadOnlyList<string> outputs) => _model?.Run(_integers.Convert(inputs), outputs);

    /// <param name="measured">The metric on this machine.</param>
    /// <param name="predicted">The metric on the other kind.</param>
    /// <param name="drop">How much worse than float a value is.</param>
    public ImmutableSortedDictionary<string, MachineAccuracy> Describe(double measured, double predicted, Func<double, double> drop)
    {
        var saturates = Processor.Saturates;
        MachineAccuracy Entry(bool isHere, bool isOfTarget) =>
            new(isHere ? measured : predicted, drop(isHere ? measured : predicted), !(isHere && Processor.IsX64), isOfTarget);
        return ImmutableSortedDictionary.Create<string, MachineAccuracy>(StringComparer.Ordinal)
            .Add(WithVnni, Entry(!saturates, true))
            .Add(WithoutVnni, Entry(saturates, _target == TargetName.X64));
    }

    public void Dispose() => _model?.Dispose();
}
