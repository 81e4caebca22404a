using System.Runtime.InteropServices;
using System.Text;
using QuantBuild.Tool.Terminal;

namespace QuantBuild.Tool;

internal static class Program
{
    public const string DebugVariable = "QUANTBUILD_DEBUG";

    public static async Task<int> Main(string[] args)
    {
        Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        using var interruption = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
        var console = new ToolConsole(Console.Out, Console.Error, ProgressColumns())
        {
            ShowsStackTraces = Environment.GetEnvironmentVariable(DebugVariable) is "1" or "true",
        };
        return await new Application(Engine.Default, console).RunAsync(args, interruption.Token).ConfigureAwait(false);

        // The first signal asks the work to stop and clean up; a second one ends the process
        void Interrupt(PosixSignalContext signal)
        {
            signal.Cancel = !interruption.IsCancellationRequested;
            interruption.Cancel();
        }
    }

    private static int ProgressColumns()
    {
        if (Console.IsErrorRedirected || Environment.GetEnvironmentVariable("TERM") == "dumb")
        {
            return 0;
        }

        try
        {
            return Console.WindowWidth > 0 ? Console.WindowWidth : 80;
        }
        catch (IOException)
        {
            return 80;
        }
    }
}
