using System.Text.Json;

namespace QuantBuild.Tool.Worker;

/// <summary>Writes messages to the build, a line each, from any thread.</summary>
internal sealed class WorkerChannel(Stream output, CancellationTokenSource cancellation)
{
    private readonly Lock _lock = new();

    public void Send(WorkerMessage message)
    {
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(message, WorkerJsonContext.Default.WorkerMessage), (byte)'\n'];
        lock (_lock)
        {
            try
            {
                output.Write(line);
                output.Flush();
            }
            catch (IOException)
            {
                // Nobody listens any more: the build is gone
                cancellation.Cancel();
            }
        }
    }
}
