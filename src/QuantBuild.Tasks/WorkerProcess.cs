using System.Diagnostics;
using System.Text;

namespace QuantBuild.Tasks;

/// <summary>
/// The worker while it runs. Its standard input stays open as long as the build wants the result: a build that is killed
/// closes it as surely as one that cancels, so that no worker outlives its build.
/// </summary>
internal sealed class WorkerProcess : IDisposable
{
    private const int MillisecondsToEnd = 5000;
    private const int KeptErrorCharacters = 4000;

    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private readonly object _lock = new();
    private bool _cancelled;

    /// <exception cref="System.ComponentModel.Win32Exception">The host cannot be started.</exception>
    public WorkerProcess(string host, string worker, string directory)
    {
        _process = new Process
        {
            StartInfo = new ProcessStartInfo(host, $"exec --roll-forward Major \"{worker}\" worker")
            {
                WorkingDirectory = directory,
                UseShellExecute = false,
                CreateNoWindow = true,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                StandardOutputEncoding = Encoding.UTF8,
                StandardErrorEncoding = Encoding.UTF8,
            },
        };
        _process.ErrorDataReceived += (_, line) => KeepError(line.Data);
        _process.Start();
        _process.BeginErrorReadLine();
    }

    /// <summary>What the worker last wrote to its standard error, on one line.</summary>
    public string Errors
    {
        get
        {
            lock (_errors)
            {
                return _errors.ToString().Trim();
            }
        }
    }

    /// <summary>Sends the request and hands over the answers, on the calling thread, until the worker has ended.</summary>
    /// <returns>The exit code.</returns>
    public int Run(byte[] request, Action<string> onLine)
    {
        try
        {
            // Not through the writer, which may put a byte order mark in front
            _process.StandardInput.BaseStream.Write(request, 0, request.Length);
            _process.StandardInput.BaseStream.Flush();
        }
        catch (IOException)
        {
            // It has ended already, and its exit code says why
        }

        while (_process.StandardOutput.ReadLine() is { } line)
        {
            onLine(line);
        }

        _process.WaitForExit();
        return _process.ExitCode;
    }

    /// <summary>Asks the worker to end, and ends it where it does not. May be called from any thread, and more than once.</summary>
    public void Cancel()
    {
        lock (_lock)
        {
            if (_cancelled)
            {
                return;
            }

            _cancelled = true;
        }

        CloseInput();
        _ = System.Threading.Tasks.Task.Run(KillIfNeeded);
    }

    public void Dispose()
    {
        CloseInput();
        _process.Dispose();
    }

    private void CloseInput()
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // Closed from the other side
        }
    }

    private void KillIfNeeded()
    {
        try
        {
            if (!_process.WaitForExit(MillisecondsToEnd))
            {
                _process.Kill();
            }
        }
        catch (Exception exception) when (exception is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            // It has ended in the meantime
        }
    }

    private void KeepError(string? line)
    {
        lock (_errors)
        {
            if (line is not null && _errors.Length < KeptErrorCharacters)
            {
                _errors.Append(line.Trim()).Append(' ');
            }
        }
    }
}
