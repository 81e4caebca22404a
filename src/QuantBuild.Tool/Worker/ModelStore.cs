using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization;
using QuantBuild.Quantization.Reports;
using QuantBuild.Reporting;
using QuantBuild.Tool.Files;

namespace QuantBuild.Tool.Worker;

/// <summary>
/// The folder of one model and its settings, locked against other builds while it is open. The result lies at the output's path
/// only while it may be deployed; otherwise it waits under another name, so that another limit need not quantize again.
/// </summary>
internal sealed class ModelStore : IDisposable
{
    private const int MillisecondsBetweenTries = 100;

    private readonly FileStream _lock;
    private readonly string _output;
    private readonly string _withheld;
    private readonly string _report;
    private readonly string _fingerprint;
    private readonly string _decision;

    private ModelStore(FileStream @lock, string output)
    {
        var folder = Path.GetDirectoryName(output)!;
        _lock = @lock;
        _output = output;
        _withheld = output + ".withheld";
        _report = Path.Combine(folder, "report.json");
        _fingerprint = Path.Combine(folder, "fingerprint.txt");
        _decision = Path.Combine(folder, "decision.json");
    }

    public static ModelStore Open(string output, CancellationToken cancellation)
    {
        var folder = Path.GetDirectoryName(output)!;
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw NotWritable(folder, exception);
        }

        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                return new ModelStore(new FileStream(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None), output);
            }
            catch (UnauthorizedAccessException exception)
            {
                throw NotWritable(folder, exception);
            }
            catch (IOException)
            {
                // Another build has it
                cancellation.WaitHandle.WaitOne(MillisecondsBetweenTries);
            }
        }
    }

    /// <summary>The data file beside the result that was found or saved; null where the result is one file.</summary>
    public string? Data { get; private set; }

    /// <summary>What the lock file of the result that was found or saved holds; null where it has none.</summary>
    public ReadOnlyMemory<byte>? Lock { get; private set; }

    /// <summary>Where the stored result lies now.</summary>
    public string Result => File.Exists(_output) ? _output : _withheld;

    /// <summary>The report of the stored result where that was made from the same inputs and is intact, else null.</summary>
    public QuantizationReport? Find(string fingerprint)
    {
        if (File.Exists(_fingerprint) && File.Exists(_report) && File.Exists(Result)
            && File.ReadAllLines(_fingerprint) is [var inputs, var content, var decision, .. var data]
            && inputs == fingerprint && content == InputFingerprint.OfFile(Result) && IsDecisionIntact(decision) && IsIntact(data))
        {
            Data = data.Length > 0 ? PathOf(data[0]) : null;
            Lock = decision.Length > 0 ? File.ReadAllBytes(_decision) : (ReadOnlyMemory<byte>?)null;
            return ReportJson.Read(File.ReadAllBytes(_report));
        }

        return null;
    }

    public void Save(string fingerprint, QuantizationResult result)
    {
        File.Delete(_fingerprint);
        File.Delete(_output);
        File.Delete(_decision);
        foreach (var former in Directory.EnumerateFiles(Path.GetDirectoryName(_output)!, "*.data"))
        {
            File.Delete(former);
        }

        using (var model = StagedModel.Create(_withheld, result))
        {
            model.Commit();
        }

        Data = result.Data is { } data ? PathOf(data.Name) : null;
        Lock = result.Lock;
        if (Lock is { } decision)
        {
            Write(_decision, decision);
        }

        Write(_report, ReportJson.Write(result.Report));
        var lines = new[] { fingerprint, InputFingerprint.OfFile(_withheld), Lock is null ? "" : InputFingerprint.OfFile(_decision) }.Concat(result.Data is { } file ? [file.Name, file.Hash] : []);
        Write(_fingerprint, System.Text.Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => line + "\n"))));
    }

    /// <summary>Puts the result where the build takes it from, or away from there, and stores how it was judged.</summary>
    public void Settle(QuantizationReport report, bool deploy)
    {
        var json = ReportJson.Write(report);
        if (!json.AsSpan().SequenceEqual(File.ReadAllBytes(_report)))
        {
            Write(_report, json);
        }

        if (!deploy)
        {
            Withhold();
        }
        else if (!File.Exists(_output))
        {
            File.Move(_withheld, _output);
        }
    }

    public void Withhold()
    {
        if (File.Exists(_output))
        {
            File.Move(_output, _withheld, overwrite: true);
        }
    }

    public void Dispose() => _lock.Dispose();

    /// <summary>No lines, or a data file's name and the hash of what it holds.</summary>
    private bool IsIntact(string[] data) =>
        data is [] || (data is [var name, var hash] && File.Exists(PathOf(name)) && InputFingerprint.OfFile(PathOf(name)) == hash);

    /// <summary>Nothing, or the hash of what the lock file holds.</summary>
    private bool IsDecisionIntact(string hash) => hash.Length == 0 || (File.Exists(_decision) && InputFingerprint.OfFile(_decision) == hash);

    private string PathOf(string name) => Path.Combine(Path.GetDirectoryName(_output)!, name);

    private static void Write(string path, ReadOnlyMemory<byte> content)
    {
        using var file = StagedFile.Create(path, content);
        file.Commit();
    }

    private static QuantBuildException NotWritable(string folder, Exception exception) =>
        new(DiagnosticCodes.OutputNotWritable, $"{folder}: the folder for quantized models cannot be written ({exception.Message}); change its permissions or set QuantBuildIntermediatePath.", exception);
}
