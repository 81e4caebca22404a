using System.CommandLine;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Tool.CommandLine;
using QuantBuild.Tool.Terminal;
using QuantBuild.Tool.Verbs;

namespace QuantBuild.Tool;

/// <summary>The tool without its process: a command line in, an exit code out.</summary>
internal sealed class Application(Engine engine, ToolConsole console)
{
    public async Task<int> RunAsync(string[] arguments, CancellationToken cancellation)
    {
        try
        {
            var line = CreateCommand().Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
            if (CommandLineErrors.Find(line) is { } error)
            {
                throw error;
            }

            return await line.InvokeAsync(
                new InvocationConfiguration
                {
                    Output = console.Output,
                    Error = console.Error,
                    EnableDefaultExceptionHandler = false,
                    ProcessTerminationTimeout = null,
                },
                cancellation).ConfigureAwait(false);
        }
        catch (QuantBuildException exception)
        {
            console.Write(exception.Diagnostic);
            Trace(exception);
            return ExitCodes.Of(exception.Code);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            await console.Error.WriteLineAsync("interrupted").ConfigureAwait(false);
            return ExitCodes.Interrupted;
        }
        catch (Exception exception)
        {
            console.Write(new Diagnostic(
                DiagnosticCodes.InternalError,
                $"{exception.GetType().Name}: {exception.Message.TrimEnd('.')}. This is a bug of QuantBuild; {Program.DebugVariable}=1 shows where."));
            Trace(exception);
            return ExitCodes.Bug;
        }
    }

    /// <summary>Every verb and option; a test holds docs/tool.md against it.</summary>
    internal RootCommand CreateCommand() => new("Quantizes ONNX models to INT8 and proves their accuracy as deployed.")
    {
        new QuantizeVerb(engine, console).Create(),
        new PruneVerb(engine, console).Create(),
        new EvaluateVerb(engine, console).Create(),
        new AnalyzeVerb(engine, console).Create(),
        new TuneVerb(engine, console).Create(),
        new CalibrateVerb(engine, console).Create(),
        new MergeVerb(engine, console).Create(),
        new InspectVerb(console).Create(),
        WorkerVerb.Create(engine),
    };

    private void Trace(Exception exception)
    {
        if (console.ShowsStackTraces)
        {
            console.Error.WriteLine(exception);
        }
    }
}
