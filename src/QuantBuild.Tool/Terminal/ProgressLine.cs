using System.Diagnostics;
using QuantBuild.Quantization;

namespace QuantBuild.Tool.Terminal;

/// <summary>One line of a terminal, written anew at each step and erased in the end. Without a terminal it writes nothing.</summary>
internal sealed class ProgressLine(ToolConsole console) : IProgress<QuantizationProgress>, IDisposable
{
    private const int BarLength = 24;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(80);

    private readonly Lock _lock = new();
    private long _written;
    private string _stage = "";
    private bool _isOpen;

    public void Report(QuantizationProgress value)
    {
        if (console.ProgressColumns == 0)
        {
            return;
        }

        lock (_lock)
        {
            if (value.Stage != _stage || value.Done >= value.Total || Stopwatch.GetElapsedTime(_written) >= Pause)
            {
                _stage = value.Stage;
                _written = Stopwatch.GetTimestamp();
                _isOpen = true;
                Rewrite(Line(value));
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_isOpen)
            {
                _isOpen = false;
                Rewrite("");
                console.Error.Write('\r');
                console.Error.Flush();
            }
        }
    }

    private static string Line(QuantizationProgress progress)
    {
        if (progress.Total <= 1)
        {
            return $"{progress.Stage} …";
        }

        var done = Math.Clamp(progress.Done, 0, progress.Total);
        var filled = (int)((long)BarLength * done / progress.Total);
        return $"{progress.Stage} [{new string('#', filled)}{new string('.', BarLength - filled)}] {done}/{progress.Total}";
    }

    /// <summary>The last column stays free: text that reaches it wraps in some terminals.</summary>
    private void Rewrite(string line)
    {
        var width = Math.Max(1, console.ProgressColumns - 1);
        console.Error.Write($"\r{(line.Length > width ? line[..width] : line.PadRight(width))}");
        console.Error.Flush();
    }
}
