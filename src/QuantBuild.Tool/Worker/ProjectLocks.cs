using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization;
using QuantBuild.Tool.CommandLine;
using QuantBuild.Tool.Files;

namespace QuantBuild.Tool.Worker;

/// <summary>The items of a project, of which none may write its lock file where another one reads or writes: which of them comes first would decide.</summary>
internal sealed class ProjectLocks(WorkerRequest request)
{
    /// <summary>By the output of an item; each item that writes a lock file is held against all others.</summary>
    private readonly Dictionary<string, HashSet<string>> _read = [];

    /// <summary>Finds before the work that another item, up to date or not, reads or writes the file.</summary>
    /// <exception cref="QuantBuildException">One does.</exception>
    public void EnsureOwn(WorkerModel model, string lockPath)
    {
        foreach (var other in request.All.Where(other => other.Output != model.Output))
        {
            if (UseOf(other, lockPath) is { } use)
            {
                throw ToolOptions.Invalid($"{NameOf(model)}: Lock", lockPath, $"a file of its own: {NameOf(other)} {use}. Give {NameOf(model)} another Lock");
            }
        }
    }

    /// <summary>One model may be that of several items.</summary>
    private static string NameOf(WorkerModel model) => model.Metadata.GetValueOrDefault("Link") is { Length: > 0 } link ? $"{model.Source} (Link {link})" : model.Source;

    private string? UseOf(WorkerModel other, string lockPath)
    {
        const string Reads = "reads it, and what is read is never overwritten";
        if (FileIdentity.AreSame(lockPath, other.Source))
        {
            return Reads;
        }

        try
        {
            var theirs = new QuantizationRequest(other.Source, request.ProjectDirectory, new ItemSettings(other).Parse(), request.Threads);
            return FileIdentity.AreSame(lockPath, theirs.LockPath) ? theirs.Settings.UpdateLock ? "writes its lock file there, too" : "follows the lock file there"
                : File.Exists(lockPath) && ReadBy(other, theirs).Contains(FileIdentity.Of(lockPath)) ? Reads
                : null;
        }
        catch (QuantBuildException)
        {
            // A setting that is not valid, which the item itself says
            return null;
        }
    }

    private HashSet<string> ReadBy(WorkerModel other, QuantizationRequest theirs)
    {
        if (!_read.TryGetValue(other.Output, out var read))
        {
            _read[other.Output] = read = FilesOf(theirs).Select(FileIdentity.Of).ToHashSet(FileIdentity.Comparer);
        }

        return read;
    }

    private static IEnumerable<string> FilesOf(QuantizationRequest theirs)
    {
        try
        {
            return QuantizationInputs.Find(theirs).All;
        }
        catch (QuantBuildException)
        {
            // What is wrong with the model or the data, the item itself says; the files that it names are none to be overwritten all the same
            return ToolOptions.FilesOf(theirs.Settings);
        }
    }
}
