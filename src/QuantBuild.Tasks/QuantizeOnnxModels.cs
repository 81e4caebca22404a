using System.ComponentModel;
using System.Globalization;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace QuantBuild.Tasks;

/// <summary>Has one worker process build all models that are out of date, and turns what it says into diagnostics.</summary>
[MSBuildMultiThreadableTask]
public sealed class QuantizeOnnxModels : Task, ICancelableTask
{
    private const int FrameworkMissing = 150;

    /// <summary>The worker could not even read the request, and has said so.</summary>
    private const int WorkerFailed = 70;

    private readonly object _lock = new();
    private readonly ModelLog _log;
    private ModelItem[] _models = [];
    private WorkerProcess? _worker;
    private bool _isCancelled;
    private int _results;

    public QuantizeOnnxModels() => _log = new ModelLog(Log);

    [Required]
    public ITaskItem[] Models { get; set; } = [];

    /// <summary>All models of the project, those that are up to date too: what one of them reads, no other one may write.</summary>
    [Required]
    public ITaskItem[] All { get; set; } = [];

    /// <summary>Quantize or PassThrough.</summary>
    [Required]
    public string Mode { get; set; } = "";

    [Required]
    public string ProjectDirectory { get; set; } = "";

    /// <summary>The tool's assembly.</summary>
    [Required]
    public string Worker { get; set; } = "";

    /// <summary>The dotnet executable; by default the one that runs this build, or that the PATH has.</summary>
    public string DotNetHost { get; set; } = "";

    public override bool Execute()
    {
        _models = [.. Models.Select(item => new ModelItem(item))];
        var cores = RequestCores();
        try
        {
            Array.ForEach(_models, model => model.Invalidate());
            Run(cores);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            _log.Error("QB1007", $"{exception.Message.TrimEnd('.')}. Make the folder writable, or set QuantBuildIntermediatePath to another one.", _models[0].Position);
        }
        finally
        {
            (BuildEngine as IBuildEngine9)?.ReleaseCores(cores);
        }

        return !Log.HasLoggedErrors && !_isCancelled;
    }

    public void Cancel()
    {
        lock (_lock)
        {
            _isCancelled = true;
            _worker?.Cancel();
        }
    }

    private static string HostOfThisBuild() =>
        Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host : "dotnet";

    private void Run(int threads)
    {
        var host = DotNetHost.Length > 0 ? DotNetHost : HostOfThisBuild();
        var request = new WorkerRequest(Mode, ProjectDirectory, threads, _models.Select(model => model.ToRequest()), All.Select(item => new ModelItem(item).ToRequest()));
        (BuildEngine as IBuildEngine3)?.Yield();
        try
        {
            using var worker = new WorkerProcess(host, Worker, ProjectDirectory);
            lock (_lock)
            {
                _worker = worker;
                if (_isCancelled)
                {
                    worker.Cancel();
                }
            }

            var exitCode = worker.Run(request.ToLine(), OnLine);
            lock (_lock)
            {
                _worker = null;
            }

            Conclude(exitCode, worker.Errors);
        }
        catch (Win32Exception exception)
        {
            ReportMissingRuntime($"'{host}' cannot be started ({exception.Message})");
        }
        finally
        {
            (BuildEngine as IBuildEngine3)?.Reacquire();
        }
    }

    private void OnLine(string line)
    {
        if (WorkerMessage.Parse(line) is not { } message || message.Model >= _models.Length)
        {
            _log.Message(MessageImportance.Low, line);
            return;
        }

        var model = _models[message.Model];
        switch (message.Type)
        {
            case "diagnostic" when message.Severity == "error":
                _log.Error(message.Code!, message.Text!, model.Position);
                break;
            case "diagnostic":
                _log.Warning(message.Code!, message.Text!, model.Position);
                break;
            case "input":
                model.AddDependency(message.Path!);
                break;
            case "companion":
                model.AddCompanion(message.Path!);
                break;
            case "progress":
                _log.Message(MessageImportance.Low, string.Format(CultureInfo.InvariantCulture, "{0}: {1} of {2}", message.Text, message.Done, message.Total));
                break;
            case "result":
                OnResult(model, message);
                break;
            default:
                _log.Message(MessageImportance.Low, message.Text ?? line);
                break;
        }
    }

    private void OnResult(ModelItem model, WorkerMessage message)
    {
        _results++;

        // A warning that the project takes for an error withholds the stamp like any error: the next build fails again
        if (message.Passed && !Log.HasLoggedErrors)
        {
            model.Validate();
        }

        _log.Message(message.Passed ? MessageImportance.High : MessageImportance.Low, message.Text!);
    }

    /// <summary>A worker that ended without saying why is explained here.</summary>
    private void Conclude(int exitCode, string errors)
    {
        if (_isCancelled)
        {
            return;
        }

        if (exitCode == FrameworkMissing)
        {
            ReportMissingRuntime(errors);
        }
        else if (_results < _models.Length && !(exitCode == WorkerFailed && Log.HasLoggedErrors))
        {
            var said = errors.Length > 0 ? $"; it said: {errors}" : "";
            _log.Error("QB9003", $"QuantBuild's worker ended with exit code {exitCode} before it was done{said}. If it was not killed (memory?), please report this with a binary log (-bl).", _models[0].Position);
        }
        else if (errors.Length > 0)
        {
            _log.Message(MessageImportance.Low, errors);
        }
    }

    private void ReportMissingRuntime(string problem) => _log.Error(
        "QB1102",
        $"QuantBuild needs the .NET 10 runtime (or newer) to quantize models; install it from https://dotnet.microsoft.com/download/dotnet/10.0. {problem}",
        _models[0].Position);

    /// <summary>The cores that MSBuild grants beyond those of other projects being built, at least one.</summary>
    private int RequestCores()
    {
        try
        {
            return BuildEngine is IBuildEngine9 engine ? engine.RequestCores(Environment.ProcessorCount) : Environment.ProcessorCount;
        }
        catch (NotImplementedException)
        {
            // A task host grants none
            return Environment.ProcessorCount;
        }
    }
}
