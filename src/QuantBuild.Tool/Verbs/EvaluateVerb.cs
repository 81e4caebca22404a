using System.CommandLine;
using System.Text;
using QuantBuild.Quantization;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;
using QuantBuild.Reporting;
using QuantBuild.Tool.CommandLine;
using QuantBuild.Tool.Files;
using QuantBuild.Tool.Terminal;

namespace QuantBuild.Tool.Verbs;

/// <summary><c>quantbuild evaluate FLOAT QUANTIZED --evaluation-data PATTERN</c>: compares two models, whoever made them.</summary>
internal sealed class EvaluateVerb(Engine engine, ToolConsole console)
{
    private readonly Argument<string> _float = new("FLOAT") { Description = "The float model, an ONNX file." };
    private readonly Argument<string> _quantized = new("QUANTIZED") { Description = "The quantized model, an ONNX file." };
    private readonly SettingOptions _settings = new(SettingDefinitions.All.Where(row => row.ConcernsEvaluation));
    private readonly Option<string> _threads = ToolOptions.Threads();
    private readonly Option<string> _report = ToolOptions.Report();
    private readonly Option<bool> _json = ToolOptions.Json();

    public Command Create()
    {
        var command = new Command("evaluate", "Compares a quantized model with its float model, both as they will be deployed.") { _float, _quantized };
        _settings.AddTo(command);
        Array.ForEach<Option>([_threads, _report, _json], command.Options.Add);
        command.SetAction((line, cancellation) => Task.FromResult(Run(line, cancellation)));
        return command;
    }

    private int Run(ParseResult line, CancellationToken cancellation)
    {
        var (model, quantized) = (line.GetRequiredValue(_float), line.GetRequiredValue(_quantized));
        var reportPath = line.GetValue(_report);
        var format = ToolOptions.ReadReportFormat(reportPath, model, quantized);
        var settings = _settings.Read(line);
        if (settings.EvaluationData.IsEmpty)
        {
            throw ToolOptions.Missing("evaluate", "--evaluation-data PATTERN", "the samples that the models are compared on");
        }

        var request = new ComparisonRequest(
            model, quantized, Directory.GetCurrentDirectory(), settings, ToolOptions.ReadThreads(line.GetValue(_threads)));
        ToolOptions.EnsureNotRead(new(model, request.BaseDirectory, settings, request.Threads), ("--report", reportPath));
        var report = Compare(request, cancellation);
        if (format is not null)
        {
            using var staged = StagedFile.Create(reportPath!, format.Render(report));
            cancellation.ThrowIfCancellationRequested();
            staged.Commit();
        }

        console.Output.Write(line.GetValue(_json)
            ? Encoding.UTF8.GetString(ReportJson.Write(report))
            : ReportSummary.Write(report, null));
        return Verdict.Announce(report, console);
    }

    private QuantizationReport Compare(ComparisonRequest request, CancellationToken cancellation)
    {
        using var progress = new ProgressLine(console);
        return engine.Compare(request, progress, cancellation);
    }
}
