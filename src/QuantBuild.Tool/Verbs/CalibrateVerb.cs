using System.CommandLine;
using QuantBuild.Quantization;
using QuantBuild.Quantization.Settings;
using QuantBuild.Tool.CommandLine;
using QuantBuild.Tool.Files;
using QuantBuild.Tool.Terminal;

namespace QuantBuild.Tool.Verbs;

/// <summary><c>quantbuild calibrate MODEL --calibration-data PATTERN --output FILE.qcal</c>: what quantizing needs of the samples, or a shard of it.</summary>
internal sealed class CalibrateVerb(Engine engine, ToolConsole console)
{
    private readonly Argument<string> _model = new("MODEL") { Description = "The float model, an ONNX file." };
    private readonly SettingOptions _settings = new(SettingDefinitions.All.Where(row => row.ConcernsCalibration));
    private readonly Option<string> _threads = ToolOptions.Threads();

    private readonly Option<string> _output = new("--output")
    {
        HelpName = "FILE",
        Description = "Where the calibration is written (.qcal); folders that are missing are made. Needed.",
    };

    private readonly Option<string> _shard = new("--shard")
    {
        HelpName = "I/N",
        Description = "Calibrates the I-th of N parts of the samples, counted from 1. 'auto' takes both from the variables of the job array, 'auto/N' only I.",
    };

    public Command Create()
    {
        var command = new Command("calibrate", "Runs the samples, or a shard of them, and writes what quantizing needs of them.") { _model, _output };
        _settings.AddTo(command);
        Array.ForEach<Option>([_shard, _threads], command.Options.Add);
        command.SetAction((line, cancellation) => Task.FromResult(Run(line, cancellation)));
        return command;
    }

    private int Run(ParseResult line, CancellationToken cancellation)
    {
        var model = line.GetRequiredValue(_model);
        var output = line.GetValue(_output) ?? throw ToolOptions.Missing("calibrate", "--output FILE", "where the calibration is to be written");
        var settings = _settings.Read(line);
        ToolOptions.EnsureWritable("--output", output, [model, .. ToolOptions.FilesOf(settings)]);
        if (settings.CalibrationData.IsEmpty)
        {
            throw ToolOptions.Missing("calibrate", "--calibration-data PATTERN", "the samples to calibrate with");
        }

        var shard = ShardOption.Read(line.GetValue(_shard), Environment.GetEnvironmentVariable);
        var request = new CalibrationRequest(model, Directory.GetCurrentDirectory(), settings, shard, ToolOptions.ReadThreads(line.GetValue(_threads)));
        ToolOptions.EnsureNotRead(new(model, request.BaseDirectory, settings, request.Threads), ("--output", output));
        var result = Calibrate(request, cancellation);
        using (var staged = StagedFile.Create(output, result.Content))
        {
            cancellation.ThrowIfCancellationRequested();
            staged.Commit();
        }

        console.Output.WriteLine($"shard {shard}: {result.Samples} of {result.TotalSamples} samples, {result.Tensors} tensors");
        console.Output.WriteLine($"written {output}");
        return ExitCodes.Success;
    }

    private CalibrationResult Calibrate(CalibrationRequest request, CancellationToken cancellation)
    {
        using var progress = new ProgressLine(console);
        return engine.Calibrate(request, progress, cancellation);
    }
}
