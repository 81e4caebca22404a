using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Calibration;

/// <summary>What a calibration watches that may serve any format and target later.</summary>
internal static class WatchedValues
{
    /// <summary>Every float that an operator with a rule reads or makes, whatever else speaks against that operator.</summary>
    public static ImmutableArray<string> Of(Model model, ModelProfile profile) =>
    [
        .. Bodies.Nodes(model.Graph)
            .Select(node => OperatorRules.Of(node) is { Role: not OperatorRole.Float } rule ? QuantizedUnit.At(node, rule, UnitForm.Static, mayTakeActivation: true) : null).OfType<QuantizedUnit>()
            .SelectMany(unit => unit.Inputs.Concat(unit.Node.Outputs.OfType<Value>()).Concat(unit.Outputs))
            .Where(value => !value.HasConstant && profile.IsFloat(value))
            .Select(value => value.Name)
            .Distinct().Order(StringComparer.Ordinal),
    ];
}
