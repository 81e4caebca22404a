using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>The value that counts: the worst among the machines of the target, as measured where there are none.</summary>
internal sealed record JudgedAccuracy(double Quantized, double Drop)
{
    /// <summary>The machine, in words that follow the value; empty where the machines of the target agree.</summary>
    public required string Where { get; init; }

    public static JudgedAccuracy Of(AccuracyReport accuracy)
    {
        var machines = accuracy.ByMachine.Where(entry => entry.Value.IsOfTarget).OrderByDescending(entry => entry.Value.Drop).ToArray();
        return machines.Length == 0
            ? new(accuracy.Quantized, accuracy.Drop) { Where = "" }
            : new(machines[0].Value.Quantized, machines[0].Value.Drop)
            {
                Where = machines[0].Value.Quantized == accuracy.Quantized ? "" : $" on {machines[0].Key}{(machines[0].Value.IsPredicted ? ", as predicted" : "")}",
            };
    }
}
