using System.Collections.Immutable;
using System.Diagnostics;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization;

/// <summary>Notes how long each stage of the main path took.</summary>
internal sealed class StageClock
{
    private readonly List<StageReport> _stages = [];

    public ImmutableArray<StageReport> Stages => [.. _stages];

    public T Time<T>(string name, Func<T> stage)
    {
        var start = Stopwatch.GetTimestamp();
        var result = stage();
        _stages.Add(new(name, Math.Round(Stopwatch.GetElapsedTime(start).TotalSeconds, 3)));
        return result;
    }
}
