using System.Collections.Immutable;
using QuantBuild.Quantization.Calibration.Search;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Calibration.Methods;

/// <summary>
/// MinMax or Percentile for all tensors, whichever does less harm at the model's outputs. It takes all samples to know: those that have the outliers are few, and
/// clipping does to them what it seems not to do to the others.
/// </summary>
internal static class UniformMethod
{
    private static readonly ImmutableArray<TensorMethod> Methods =
        [.. CalibrationMethods.OfOneTensor.Where(method => method.Name is CalibrationMethodName.MinMax or CalibrationMethodName.Percentile)];

    public static ImmutableDictionary<string, Observation> Choose(RangeContext context)
    {
        var observed = Methods.Select(method => Calibrator.Choose(context, method)).ToArray();
        var parameters = observed.Select(ranges => QuantizationPlanner.Plan(context.Placement, context.Form, ranges).Activations).ToArray();
        if (parameters[0].IsEmpty || context.Measured.Calibrating.Count == 0)
        {
            return observed[0];
        }

        using var model = new SimulatedModel(context, parameters[0], context.Measured.Calibrating);
        return observed.Zip(parameters).MinBy(candidate => model.Error(candidate.Second)).First;
    }
}
