using System.Diagnostics;

namespace QuantBuild.Conformance;

/// <summary>
/// A process that checks one case after the other. ONNX Runtime may end it, or not come back: it is then replaced, and the case has failed if the
/// float model ran.
/// </summary>
internal sealed class CaseWorker(string[] arguments) : IDisposable
{
    public const string Switch = "--worker";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private Process? _process;

    /// <summary>What a worker does: takes folders from standard input and writes results to standard output, a line each.</summary>
    public static void Run(Func<string, Action<CaseResult>, CaseResult> check)
    {
        while (Console.ReadLine() is { } folder)
        {
            Console.WriteLine(check(folder, result => Console.WriteLine(result.ToLine())).ToLine());
        }
    }

    public CaseResult Check(string folder)
    {
        _process ??= Start();
        _process.StandardInput.WriteLine(folder);
        var hasRun = false;
        while (ReadLine(_process) is { } line)
        {
            if (CaseResult.FromLine(line) is { } result)
            {
                if (result.Outcome != Outcome.Run)
                {
                    return result;
                }

                hasRun = true;
            }
        }

        var kind = _process.WaitForExit(TimeSpan.FromSeconds(1)) ? "process ended" : "no end";
        Dispose();
        return new(folder, hasRun ? Outcome.Failed : Outcome.NotRun, hasRun ? kind : "", hasRun ? "while the model was quantized or the result was run" : "");
    }

    public void Dispose()
    {
        if (_process is { HasExited: false })
        {
            _process.Kill();
        }

        _process?.Dispose();
        _process = null;
    }

    /// <summary>Null at the end, and where none comes in time.</summary>
    private static string? ReadLine(Process process) =>
        process.StandardOutput.ReadLineAsync() is var line && line.Wait(Patience) ? line.Result : null;

    private Process Start() => Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [.. HostArguments(), Switch, .. arguments])
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    /// <summary>Under the dotnet command, the program is its first argument.</summary>
    private static string[] HostArguments() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [Path.Combine(AppContext.BaseDirectory, "QuantBuild.Conformance.dll")] : [];
}
