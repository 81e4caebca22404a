using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Corrections;

/// <summary>The own errors of all operators that would be quantized statically, by the names of their outputs: what a change of the channels between them is judged by.</summary>
internal static class StaticUnitErrors
{
    /// <param name="job">With the changed model, and without other corrections: these come on top, as far as they are found then.</param>
    /// <param name="samples">To measure on.</param>
    /// <param name="calibrating">Those that ranges come from; null for all that calibrate. For a proof it is all: rare samples go beyond what others reach.</param>
    /// <param name="restoring">As <see cref="UnitErrorMeter"/> takes it.</param>
    public static Dictionary<string, UnitError> Measure(PreparedRequest job, SampleRun samples, SampleRun? calibrating, IReadOnlyDictionary<string, TensorData>? restoring = null)
    {
        var wanted = job.Wanted;
        var plan = new PrecisionSearch(job, job.Observe(wanted, calibrating)).Wanted(wanted);
        return UnitErrorMeter.Measure(job.Model, plan with { Units = [.. plan.Units.Where(unit => unit.Form == UnitForm.Static)] }, samples, restoring)
            .ToDictionary(entry => entry.Key.Node.Output.Name, entry => entry.Value);
    }
}
