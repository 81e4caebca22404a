using System.Text.Json;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Tool.Worker;

/// <summary>
/// The process that QuantBuild.Tasks starts. The request is the first line of the input; the input then stays open as a
/// lifeline, and its end means that the build was cancelled or is dead. The output is one JSON object a line.
/// </summary>
internal sealed class BuildWorker(Engine engine, Stream output)
{
    /// <summary>What ONNX Runtime is in the middle of cannot be interrupted; the process ends over it.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(TextReader input, CancellationToken interruption)
    {
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(interruption);
        if (await input.ReadLineAsync(interruption).ConfigureAwait(false) is not { } line)
        {
            return ExitCodes.Interrupted;
        }

        var channel = new WorkerChannel(output, cancellation);
        var work = Task.Run(() => Run(line, channel, cancellation.Token), CancellationToken.None);
        await Task.WhenAny(work, LifelineAsync(input, interruption)).ConfigureAwait(false);
        if (!work.IsCompleted)
        {
            await cancellation.CancelAsync().ConfigureAwait(false);
            await Task.WhenAny(work, Task.Delay(Grace, CancellationToken.None)).ConfigureAwait(false);
            return ExitCodes.Interrupted;
        }

        return await work.ConfigureAwait(false);
    }

    private static async Task LifelineAsync(TextReader input, CancellationToken interruption)
    {
        var interrupted = Task.Delay(Timeout.Infinite, interruption);
        var ended = input.ReadToEndAsync(CancellationToken.None);
        await Task.WhenAny(ended, interrupted).ConfigureAwait(false);
    }

    private int Run(string line, WorkerChannel channel, CancellationToken cancellation)
    {
        try
        {
            var request = JsonSerializer.Deserialize(line, WorkerJsonContext.Default.WorkerRequest)!;
            Environment.CurrentDirectory = request.ProjectDirectory;
            var locks = new ProjectLocks(request);
            return request.Models.Select((model, index) => Run(request, model, locks, new ModelChannel(channel, index), cancellation)).Max();
        }
        catch (OperationCanceledException)
        {
            return ExitCodes.Interrupted;
        }
        catch (Exception exception)
        {
            Say(exception, "the request", new ModelChannel(channel, 0));
            return ExitCodes.Bug;
        }
    }

    /// <summary>One model's failure does not keep the others from being looked at: all messages come in one build.</summary>
    private int Run(WorkerRequest request, WorkerModel model, ProjectLocks locks, ModelChannel channel, CancellationToken cancellation)
    {
        try
        {
            return new ModelBuild(engine, request, model, locks, channel).Run(cancellation) ? ExitCodes.Success : ExitCodes.GateFailed;
        }
        catch (OperationCanceledException)
        {
            throw;
        }
        catch (QuantBuildException exception)
        {
            channel.Say(exception.Diagnostic);
            channel.Result(passed: false, $"{model.Source}: failed");
            return ExitCodes.Of(exception.Code);
        }
        catch (Exception exception)
        {
            Say(exception, model.Source, channel);
            channel.Result(passed: false, $"{model.Source}: failed");
            return ExitCodes.Bug;
        }
    }

    private static void Say(Exception exception, string subject, ModelChannel channel)
    {
        channel.Say(new(
            DiagnosticCodes.InternalError,
            $"{subject}: {exception.GetType().Name}: {exception.Message.TrimEnd('.')}. This is a bug of QuantBuild; please report it with a binary log (-bl), which shows where."));
        channel.Trace(exception.ToString());
    }
}
