using System.CommandLine;
using QuantBuild.Tool.Worker;

namespace QuantBuild.Tool.Verbs;

/// <summary><c>quantbuild worker</c>: what the MSBuild task starts; not for people.</summary>
internal static class WorkerVerb
{
    public static Command Create(Engine engine)
    {
        var command = new Command("worker", "Serves one build.") { Hidden = true };
        command.SetAction((_, cancellation) => RunAsync(engine, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Engine engine, CancellationToken cancellation)
    {
        // Not the console's writer: the protocol is UTF-8 without a byte order mark on every system
        await using var output = Console.OpenStandardOutput();
        using var input = new StreamReader(Console.OpenStandardInput());
        return await new BuildWorker(engine, output).RunAsync(input, cancellation).ConfigureAwait(false);
    }
}
