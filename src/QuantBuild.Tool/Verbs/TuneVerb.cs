using System.CommandLine;
using System.Globalization;
using QuantBuild.Quantization;
using QuantBuild.Quantization.Locks;
using QuantBuild.Quantization.Settings;
using QuantBuild.Tool.CommandLine;
using QuantBuild.Tool.Files;
using QuantBuild.Tool.Terminal;

namespace QuantBuild.Tool.Verbs;

/// <summary><c>quantbuild tune MODEL</c>: lets measurements on this machine choose, and writes the lock file that builds follow.</summary>
internal sealed class TuneVerb(Engine engine, ToolConsole console)
{
    private readonly Argument<string> _model = new("MODEL") { Description = "The float model, an ONNX file. It is never written to." };
    private readonly SettingOptions _settings = new(SettingDefinitions.All.Where(IsTaken));
    private readonly Option<string> _threads = ToolOptions.Threads();

    public Command Create()
    {
        var command = new Command("tune", "Measures on this machine which operators INT8 makes faster, and writes that to the lock file beside the model.") { _model };
        _settings.AddTo(command);
        command.Options.Add(_threads);
        command.SetAction((line, cancellation) => Task.FromResult(Run(line, cancellation)));
        return command;
    }

    private int Run(ParseResult line, CancellationToken cancellation)
    {
        var request = new QuantizationRequest(
            line.GetRequiredValue(_model), Directory.GetCurrentDirectory(), _settings.Read(line), ToolOptions.ReadThreads(line.GetValue(_threads)));
        ModelLockFile.EnsureWritable(request, "--lock");
        var result = Tune(request, cancellation);
        ModelLockFile.Write(request, result.Lock);
        foreach (var trial in result.Trials)
        {
            console.Output.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{trial.Name,-50} {trial.Milliseconds,10:0.0000} ms  {trial.Speedup,6:0.00}x  {(trial.IsTaken ? "taken" : "")}").TrimEnd());
        }

        if (result.StaysFloat)
        {
            console.Output.WriteLine(result.Trials.IsEmpty ? "nothing in this model can be quantized, or no form keeps its outputs; it stays float" : "no form is certainly faster than float here; the model stays float");
        }

        console.Output.WriteLine($"wrote {request.LockPath}");
        return ExitCodes.Success;
    }

    private TuningResult Tune(QuantizationRequest request, CancellationToken cancellation)
    {
        using var progress = new ProgressLine(console);
        return engine.Tune(request, progress, cancellation);
    }

    /// <summary>The limits on accuracy, too: Channels=auto goes as far as they allow.</summary>
    private static bool IsTaken(SettingDefinition row) => row.Name switch
    {
        nameof(QuantizationSettings.UpdateLock) or nameof(QuantizationSettings.Analyze) or nameof(QuantizationSettings.AnalysisSamples) => false,
        nameof(QuantizationSettings.MaxAccuracyDrop) or nameof(QuantizationSettings.MinAgreement) => true,
        _ => row.ChangesResult,
    };
}
