using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Corrections;

/// <summary>The own errors of all operators that would be quantized statically, by the names of their outputs: what a change of the channels between them is judged by.</summary>
internal static class StaticUnitErrors
{
    /// <param name="job">With the changed model. Other corrections come on top, as far as they are found then.</param>
    /// <param name="samples">To measure on.</param>
    /// <param name="calibrating">Those that ranges come from; null for all that calibrate. For a proof it is all: rare samples go beyond what others reach.</param>
    /// <param name="restoring">As <see cref="UnitErrorMeter"/> takes it.</param>
    public static Dictionary<string, UnitError> Measure(PreparedRequest job, SampleRun samples, SampleRun? calibrating, IReadOnlyDictionary<string, TensorData>? restoring = null)
    {
        job = job with { Request = job.Request with { Settings = job.Request.Settings with { Corrections = [] } } };
        var wanted = job.Wanted;
        var plan = new PrecisionSearch(job, job.Observe(wanted, calibrating)).Wanted(wanted);
        return UnitErrorMeter.Measure(job.Model, plan with { Units = [.. plan.Units.Where(unit => unit.Form == UnitForm.Static)] }, samples, restoring)
            .ToDictionary(entry => entry.Key.Node.Output.Name, entry => entry.Value);
    }

    /// <summary>Noises of these operators as shares of what they make in the model as it was, added up.</summary>
    public static double NoiseOf(IEnumerable<string> operators, Dictionary<string, UnitError> errors, Dictionary<string, UnitError> plain) =>
        operators.Where(name => plain.ContainsKey(name) && errors.ContainsKey(name)).Sum(name => (errors[name] with { Signal = plain[name].Signal }).Share);
}
