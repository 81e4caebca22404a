using System.Text.Json;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Tool.Worker;

/// <summary>
/// The process that QuantBuild.Tasks starts. The request is the first line of the input; the input then stays open as a
/// lifeline, and its end means that the build was cancelled or is dead. The output is one JSON object a line.
/// </summary>
internal static class BuildWorker
{
    private const int Done = 0;
    private const int GateFailed = 1;
    private const int UserError = 2;
    private const int OurBug = 70;
    private const int Interrupted = 130;

    /// <summary>What ONNX Runtime is in the middle of cannot be interrupted; the process ends over it.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(Stream input, Stream output)
    {
        using var reader = new StreamReader(input);
        if (await reader.ReadLineAsync() is not { } line)
        {
            return Interrupted;
        }

        using var cancellation = new CancellationTokenSource();
        var channel = new WorkerChannel(output, cancellation);
        var work = Task.Run(() => Run(line, channel, cancellation.Token), CancellationToken.None);
        var lifeline = WatchAsync(reader);
        if (await Task.WhenAny(work, lifeline) == work)
        {
            return await work;
        }

        await cancellation.CancelAsync();
        await Task.WhenAny(work, Task.Delay(Grace, CancellationToken.None));
        return Interrupted;
    }

    private static async Task WatchAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is not null)
        {
            // The build says nothing more; only the end matters
        }
    }

    private static int Run(string line, WorkerChannel channel, CancellationToken cancellation)
    {
        try
        {
            var request = JsonSerializer.Deserialize(line, WorkerJsonContext.Default.WorkerRequest)!;
            Environment.CurrentDirectory = request.ProjectDirectory;
            return request.Models.Select((model, index) => Run(request, model, new ModelChannel(channel, index), cancellation)).Max();
        }
        catch (OperationCanceledException)
        {
            return Interrupted;
        }
        catch (Exception exception)
        {
            Report(new ModelChannel(channel, 0), exception);
            return OurBug;
        }
    }

    /// <summary>One model's failure does not keep the others from being looked at: all messages come in one build.</summary>
    private static int Run(WorkerRequest request, WorkerModel model, ModelChannel channel, CancellationToken cancellation)
    {
        try
        {
            return new ModelBuild(request, model, channel).Run(cancellation) ? Done : GateFailed;
        }
        catch (OperationCanceledException)
        {
            throw;
        }
        catch (QuantBuildException exception)
        {
            channel.Report(exception.Diagnostic);
            channel.Result(passed: false, $"{model.Source}: failed");
            return UserError;
        }
        catch (Exception exception)
        {
            Report(channel, exception);
            channel.Result(passed: false, $"{model.Source}: failed");
            return OurBug;
        }
    }

    private static void Report(ModelChannel channel, Exception exception)
    {
        channel.Report(new(DiagnosticCodes.InternalError, $"QuantBuild failed: {exception.GetType().Name}: {exception.Message.TrimEnd('.')}. This is a bug; please report it with the build's binary log (-bl), which holds the details."));
        channel.Trace(exception.ToString());
    }
}
