using System.CommandLine;
using System.Text;
using QuantBuild.Quantization;
using QuantBuild.Quantization.Settings;
using QuantBuild.Reporting;
using QuantBuild.Tool.CommandLine;
using QuantBuild.Tool.Files;
using QuantBuild.Tool.Terminal;

namespace QuantBuild.Tool.Verbs;

/// <summary>A verb that makes a model of a model: <c>quantbuild VERB MODEL --output FILE</c>.</summary>
/// <param name="engine">What does the work.</param>
/// <param name="console">Where it is told.</param>
/// <param name="name">The verb.</param>
/// <param name="rows">The settings that it takes.</param>
internal abstract class WritingVerb(Engine engine, ToolConsole console, string name, IEnumerable<SettingDefinition> rows)
{
    private readonly Argument<string> _model = new("MODEL") { Description = "The float model, an ONNX file. It is never written to." };
    private readonly SettingOptions _settings = new(rows);
    private readonly Option<string> _threads = ToolOptions.Threads();
    private readonly Option<string> _report = ToolOptions.Report();
    private readonly Option<bool> _json = ToolOptions.Json();

    private readonly Option<string> _output = new("--output")
    {
        HelpName = "FILE",
        Description = "Where the model is written; folders that are missing are made. Needed.",
    };

    private readonly Option<bool> _keepFailed = new("--keep-failed")
    {
        Description = "Writes the model even where a gate failed; the exit code stays 1.",
    };

    public Command Create()
    {
        var command = new Command(name, Description) { _model, _output };
        _settings.AddTo(command);
        Array.ForEach<Option>([_threads, _report, _json, _keepFailed], command.Options.Add);
        command.SetAction((line, cancellation) => Task.FromResult(Run(line, cancellation)));
        return command;
    }

    protected abstract string Description { get; }

    /// <summary>The request as the verb makes it.</summary>
    /// <exception cref="Onnx.Diagnostics.QuantBuildException">Something is missing.</exception>
    protected abstract QuantizationRequest Complete(QuantizationRequest request);

    private int Run(ParseResult line, CancellationToken cancellation)
    {
        var model = line.GetRequiredValue(_model);
        var output = line.GetValue(_output) ?? throw ToolOptions.Missing(name, "--output FILE", "where the model is to be written");
        var reportPath = line.GetValue(_report);
        var request = Complete(new(model, Directory.GetCurrentDirectory(), _settings.Read(line), ToolOptions.ReadThreads(line.GetValue(_threads)))
        {
            OutputName = Path.GetFileNameWithoutExtension(output),
        });
        string[] read = [model, request.LockPath, .. ToolOptions.FilesOf(request.Settings)];
        ToolOptions.EnsureWritable("--output", output, read);
        var format = ToolOptions.ReadReportFormat(reportPath, [.. read, output]);
        ToolOptions.EnsureNotRead(request, ("--output", output), ("--report", reportPath));
        if (request.Settings.UpdateLock)
        {
            ModelLockFile.EnsureWritable(request, "--lock");
        }

        var result = Quantize(request, cancellation);
        var isKept = result.GatesPassed || line.GetValue(_keepFailed);
        using (var staged = isKept ? StagedModel.Create(output, result) : null)
        using (var stagedReport = format is null ? null : StagedFile.Create(reportPath!, format.Render(result.Report)))
        using (var stagedLock = isKept ? ModelLockFile.Stage(request, result.Lock) : null)
        {
            cancellation.ThrowIfCancellationRequested();
            stagedReport?.Commit();
            staged?.Commit();
            stagedLock?.Commit();
        }

        console.Output.Write(line.GetValue(_json)
            ? Encoding.UTF8.GetString(ReportJson.Write(result.Report))
            : ReportSummary.Write(result.Report, isKept ? output : null, request.PrunesOnly));
        return Verdict.Announce(result.Report, console);
    }

    private QuantizationResult Quantize(QuantizationRequest request, CancellationToken cancellation)
    {
        using var progress = new ProgressLine(console);
        return engine.Quantize(request, progress, cancellation);
    }
}
