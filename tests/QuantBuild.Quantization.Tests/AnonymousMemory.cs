using System.Globalization;

namespace QuantBuild.Quantization.Tests;

/// <summary>Looks every few milliseconds at how much memory the process has that is no file's, on Linux.</summary>
internal sealed class AnonymousMemory : IProgress<QuantizationProgress>, IDisposable
{
    private const int Milliseconds = 20;

    private readonly CancellationTokenSource _end = new();
    private readonly Task _watch;
    private long _peak;
    private long _peakWhileQuantizing;
    private bool _evaluates;

    public AnonymousMemory() => _watch = Task.Factory.StartNew(Watch, _end.Token, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    public long Peak => Interlocked.Read(ref _peak);

    /// <summary>Up to the last sample before the evaluation: the report is made behind it, and reports progress, too.</summary>
    public long PeakWhileQuantizing => Interlocked.Read(ref _peakWhileQuantizing);

    private static long Now => long.Parse(
        File.ReadLines("/proc/self/status").Single(line => line.StartsWith("RssAnon:", StringComparison.Ordinal)).Split(':', 2)[1].Replace("kB", "", StringComparison.Ordinal).Trim(),
        CultureInfo.InvariantCulture) * 1024;

    public void Report(QuantizationProgress value)
    {
        _evaluates |= value.Stage == "Evaluating";
        if (!_evaluates)
        {
            Interlocked.Exchange(ref _peakWhileQuantizing, Peak);
        }
    }

    public void Dispose()
    {
        _end.Cancel();
        _watch.Wait();
        _end.Dispose();
    }

    private void Watch()
    {
        while (!_end.IsCancellationRequested)
        {
            var now = Now;
            if (now > Peak)
            {
                Interlocked.Exchange(ref _peak, now);
            }

            Thread.Sleep(Milliseconds);
        }
    }
}
