using System.Collections.Immutable;
using System.IO.Pipes;
using System.Text;
using System.Text.Json;
using QuantBuild.Tool.Worker;

namespace QuantBuild.Tool.Tests.Worker;

/// <summary>One request, served within this process by a worker whose lifeline holds until it is done.</summary>
internal sealed record WorkerRun(int ExitCode, ImmutableArray<WorkerMessage> Messages)
{
    public WorkerMessage Result => Messages.Single(message => message.Type == "result");

    public IEnumerable<string> Codes => Messages.Where(message => message.Type == "diagnostic").Select(message => message.Code!);

    public static Task<WorkerRun> OfAsync(Engine engine, string folder, params (string Name, string Value)[] metadata) => OfAsync(engine, Request(folder, metadata));

    /// <summary>Of a project with several items.</summary>
    public static Task<WorkerRun> OfAsync(Engine engine, string folder, WorkerModel[] models, WorkerModel[] upToDate) => OfAsync(engine, Request(folder, models, upToDate));

    public static string Request(string folder, params (string Name, string Value)[] metadata) => Request(folder, [Item(folder, "model.onnx", "store", metadata)], []);

    public static WorkerModel Item(string folder, string source, string store, params (string Name, string Value)[] metadata) =>
        new(source, Path.Combine(folder, store, source), metadata.ToImmutableSortedDictionary(pair => pair.Name, pair => pair.Value));

    private static async Task<WorkerRun> OfAsync(Engine engine, string request)
    {
        var before = Environment.CurrentDirectory;
        using var lifeline = new AnonymousPipeServerStream(PipeDirection.Out);
        using var input = new StreamReader(new AnonymousPipeClientStream(PipeDirection.In, lifeline.ClientSafePipeHandle));
        using var output = new MemoryStream();
        await lifeline.WriteAsync(Encoding.UTF8.GetBytes(request + "\n"));
        try
        {
            var exitCode = await new BuildWorker(engine, output).RunAsync(input, CancellationToken.None);
            return new(exitCode, Parse(output));
        }
        finally
        {
            Environment.CurrentDirectory = before;
        }
    }

    private static string Request(string folder, WorkerModel[] models, WorkerModel[] upToDate) => JsonSerializer.Serialize(
        new WorkerRequest("Quantize", folder, 1, [.. models], [.. models, .. upToDate]), WorkerJsonContext.Default.WorkerRequest);

    private static ImmutableArray<WorkerMessage> Parse(MemoryStream output) =>
    [
        .. Encoding.UTF8.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonSerializer.Deserialize(line, WorkerJsonContext.Default.WorkerMessage)!),
    ];
}
