using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization;

namespace QuantBuild.Tool.Worker;

/// <summary>What there is to say about one model of the request.</summary>
internal sealed class ModelChannel(WorkerChannel channel, int model) : IProgress<QuantizationProgress>
{
    private const int MillisecondsBetweenSteps = 500;

    private readonly Lock _lock = new();
    private string _stage = "";
    private long _sent;

    public void Say(Diagnostic diagnostic) => channel.Send(new("diagnostic", model)
    {
        Code = diagnostic.Code.Id,
        Severity = diagnostic.Code.Severity == DiagnosticSeverity.Error ? "error" : "warning",
        Text = OneLine(diagnostic.Message),
        HelpLink = diagnostic.Code.HelpLink,
    });

    /// <summary>Each stage's beginning, and its steps as often as a reader of the log may want them.</summary>
    public void Report(QuantizationProgress value)
    {
        lock (_lock)
        {
            if (value.Stage == _stage && Environment.TickCount64 - _sent < MillisecondsBetweenSteps)
            {
                return;
            }

            _stage = value.Stage;
            _sent = Environment.TickCount64;
        }

        channel.Send(new("progress", model) { Text = value.Stage, Done = value.Done, Total = value.Total });
    }

    /// <summary>A file that the result depends on.</summary>
    public void Input(string path) => channel.Send(new("input", model) { Path = path });

    /// <summary>A file that is deployed beside the model.</summary>
    public void Companion(string path) => channel.Send(new("companion", model) { Path = path });

    /// <summary>For whoever hunts a bug of ours: the log's most detailed level.</summary>
    public void Trace(string text) => channel.Send(new("trace", model) { Text = text });

    public void Result(bool passed, string text) => channel.Send(new("result", model) { Passed = passed, Text = text });

    private static string OneLine(string text) => string.Join(' ', text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
