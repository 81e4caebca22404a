using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace QuantBuild.Tasks;

/// <summary>One item as build/QuantBuild.targets prepared it, with the paths that it has in the store.</summary>
internal sealed class ModelItem(ITaskItem item)
{
    /// <summary>Marks the metadata that the targets added to the user's.</summary>
    private const string InternalPrefix = "_";

    private const string DependencyPrefix = "dependency|";

    private const string LockPrefix = "lock|";

    private readonly Lazy<ItemPosition> _position = new(() => ItemPosition.Find(item.GetMetadata("_DeclaredIn"), item));
    private readonly List<string> _dependencies = [];
    private readonly List<string> _companions = [];

    private static StringComparer PathComparer =>
        Path.DirectorySeparatorChar == '\\' ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;

    public ItemPosition Position => _position.Value;

    private string Stamp => item.GetMetadata("_Stamp");

    private string InputsCache => item.GetMetadata("_InputsCache");

    /// <summary>Where the lock file is or would be, from the root.</summary>
    private string Lock => item.GetMetadata("_Lock");

    private bool UpdatesLock => bool.TryParse(item.GetMetadata("UpdateLock"), out var updates) && updates;

    public WorkerModel ToRequest()
    {
        var metadata = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (System.Collections.DictionaryEntry entry in item.CloneCustomMetadata())
        {
            var name = (string)entry.Key;
            if (!name.StartsWith(InternalPrefix, StringComparison.Ordinal))
            {
                metadata[name] = item.GetMetadata(name);
            }
        }

        return new WorkerModel(item.ItemSpec, item.GetMetadata("_Output"), metadata);
    }

    public void AddDependency(string path) => _dependencies.Add(path);

    public void AddCompanion(string path) => _companions.Add(path);

    /// <summary>Until the stamp is back, nothing may be deployed and the next build asks the worker again.</summary>
    public void Invalidate() => File.Delete(Stamp);

    /// <summary>
    /// The model may be deployed. What the worker read beyond the files that the targets know, and the lock file that it wrote, join
    /// the list that the next build compares; the stamp comes last and is the newest file.
    /// </summary>
    public void Validate()
    {
        var listed = File.ReadAllLines(InputsCache).Where(line => !IsWrittenHere(line)).ToArray();
        if (UpdatesLock && File.Exists(Lock))
        {
            listed = [.. listed, $"{Line(LockPrefix, Lock)}{item.GetMetadata("_Limits")}"];
        }

        var known = new HashSet<string>(listed.Select(line => line.Split('|')[0]), PathComparer) { Lock };
        var dependencies = _dependencies.Where(path => !known.Contains(path)).Distinct(PathComparer).ToArray();
        WriteIfChanged(item.GetMetadata("_Dependencies"), dependencies);
        WriteIfChanged(item.GetMetadata("_Companions"), [.. _companions]);
        WriteIfChanged(InputsCache, [.. listed, .. dependencies.Select(path => Line(DependencyPrefix, path))]);
        File.WriteAllText(Stamp, "");
    }

    /// <summary>A lock file that is only followed counts as it was when the targets listed it.</summary>
    private bool IsWrittenHere(string line) =>
        line.StartsWith(DependencyPrefix, StringComparison.Ordinal) || (UpdatesLock && line.StartsWith(LockPrefix, StringComparison.Ordinal));

    /// <summary>As the targets write it; they are tested against each other.</summary>
    private static string Line(string prefix, string path)
    {
        var file = new TaskItem(path);
        return $"{prefix}{file.GetMetadata("FullPath")}|{file.GetMetadata("ModifiedTime")}|";
    }

    private static void WriteIfChanged(string path, string[] lines)
    {
        var before = File.Exists(path) ? File.ReadAllLines(path) : [];
        if (!before.SequenceEqual(lines))
        {
            File.WriteAllLines(path, lines);
        }
    }
}
