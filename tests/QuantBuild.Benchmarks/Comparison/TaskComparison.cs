namespace QuantBuild.Benchmarks.Comparison;

/// <summary>One row of the comparison: tool, peer and bare pass take turns, and of each the smallest counts.</summary>
internal sealed class TaskComparison(PeerProcess peer, ToolProcess tool, int rounds, int threads)
{
    private const double Megabyte = 1 << 20;

    public static string Header =>
        "| task | method | samples | tool s | peer s | time × | peer's call s | time × | tool CPU s | peer CPU s | CPU × | tool MB | peer MB | memory × | calibrate + plan s | bare pass s | calibrate + plan × | calibrate × |\n"
        + "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |";

    public string Row(string task, string method)
    {
        var folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;
        try
        {
            var (model, samples) = peer.WriteSamples(task, folder);
            var (ours, theirs, bare) = (new List<ToolCost>(), new List<CallCost>(), new List<double>());
            for (var round = 0; round < rounds; round++)
            {
                ours.Add(tool.Quantize(model, folder, method));
                using (var pass = new BarePass(model, folder, samples - ours[^1].HeldOut, threads))
                {
                    bare.Add(pass.Seconds());
                }

                theirs.Add(peer.Quantize(task, Name(method), folder));
            }

            return Text($"| {task} | {method} | {samples}", ours, theirs, bare.Min());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Text(string start, List<ToolCost> ours, List<CallCost> theirs, double bare)
    {
        var (seconds, bytes) = (ours.Min(cost => cost.Call.Seconds), ours.Min(cost => cost.Call.PeakBytes));
        var (cpu, peerCpu) = (ours.Min(cost => cost.Call.CpuSeconds), theirs.Min(cost => cost.CpuSeconds));
        var (calibrate, both) = (ours.Min(cost => cost.CalibrateSeconds), ours.Min(cost => cost.CalibrateSeconds + cost.PlanSeconds));
        var stages = FormattableString.Invariant($"{both:F2} | {bare:F2} | {both / bare:F2} | {calibrate / bare:F2} |");
        if (theirs.Find(cost => cost.Error is not null) is { } failed)
        {
            return FormattableString.Invariant($"{start} | {seconds:F1} | failed: {failed.Error} | | | | {cpu:F1} | | | {bytes / Megabyte:F0} | | | {stages}");
        }

        var fewer = theirs[^1].Samples < ours[^1].Call.Samples ? $" (with {theirs[^1].Samples})" : "";
        var (peerSeconds, callSeconds, peerBytes) = (theirs.Min(cost => cost.Seconds), theirs.Min(cost => cost.OwnSeconds), theirs.Min(cost => cost.PeakBytes));
        return FormattableString.Invariant(
            $"{start} | {seconds:F1} | {peerSeconds:F1}{fewer} | {peerSeconds / seconds:F1} | {callSeconds:F1} | {callSeconds / seconds:F1} | {cpu:F1} | {peerCpu:F1} | {peerCpu / cpu:F1} | {bytes / Megabyte:F0} | {peerBytes / Megabyte:F0} | {peerBytes / bytes:F1} | {stages}");
    }

    /// <summary>As the peer's configurations have it.</summary>
    private static string Name(string method) => method switch
    {
        "Percentile" => "percentile",
        "Entropy" => "entropy",
        _ => "minmax",
    };
}
