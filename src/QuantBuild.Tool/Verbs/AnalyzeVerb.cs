using System.CommandLine;
using System.Text;
using QuantBuild.Quantization;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;
using QuantBuild.Reporting;
using QuantBuild.Tool.CommandLine;
using QuantBuild.Tool.Inspection;
using QuantBuild.Tool.Terminal;

namespace QuantBuild.Tool.Verbs;

/// <summary><c>quantbuild analyze MODEL</c>: which operators suffer from being quantized.</summary>
internal sealed class AnalyzeVerb(Engine engine, ToolConsole console)
{
    private readonly Argument<string> _model = new("MODEL") { Description = "The float model, an ONNX file. It is never written to." };
    private readonly SettingOptions _settings = new(SettingDefinitions.All.Where(row => row.ConcernsAnalysis));
    private readonly Option<string> _threads = ToolOptions.Threads();
    private readonly Option<bool> _json = ToolOptions.Json();

    public Command Create()
    {
        var command = new Command("analyze", "Shows what each operator does to the outputs when it alone is quantized, and when all others are.") { _model };
        _settings.AddTo(command);
        Array.ForEach<Option>([_threads, _json], command.Options.Add);
        command.SetAction((line, cancellation) => Task.FromResult(Run(line, cancellation)));
        return command;
    }

    private int Run(ParseResult line, CancellationToken cancellation)
    {
        var request = new QuantizationRequest(
            line.GetRequiredValue(_model), Directory.GetCurrentDirectory(), _settings.Read(line), ToolOptions.ReadThreads(line.GetValue(_threads)));
        var analysis = Analyze(request, cancellation);
        console.Output.Write(line.GetValue(_json) ? Encoding.UTF8.GetString(ReportJson.Write(analysis)) : AnalysisText.Write(request.Model, analysis));
        return ExitCodes.Success;
    }

    private AnalysisReport Analyze(QuantizationRequest request, CancellationToken cancellation)
    {
        using var progress = new ProgressLine(console);
        return engine.Analyze(request, progress, cancellation);
    }
}
