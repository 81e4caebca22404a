using System.CommandLine;

namespace QuantBuild.Tool.Verbs;

/// <summary><c>quantbuild worker</c>: what the MSBuild task starts; not for people.</summary>
internal static class WorkerVerb
{
    public static Command Create()
    {
        var command = new Command("worker", "Serves one build.") { Hidden = true };
        command.SetAction((_, cancellation) => RunAsync(cancellation));
        return command;
    }

    private static Task<int> RunAsync(CancellationToken cancellation) =>
        cancellation.IsCancellationRequested ? Task.FromCanceled<int>(cancellation) : Task.FromResult(ExitCodes.Bug);
}
