using System.Reflection;

namespace QuantBuild.Tool.Worker;

/// <summary>What code made a result: another build of QuantBuild or of a package that it uses may make another one.</summary>
internal static class ToolIdentity
{
    /// <summary>The module version ids of the tool and of all that it references outside the framework, in a fixed order.</summary>
    public static IReadOnlyList<string> Modules { get; } = [.. Find()];

    private static IEnumerable<string> Find()
    {
        var found = new SortedDictionary<string, Assembly>(StringComparer.Ordinal);
        var open = new Stack<Assembly>([typeof(ToolIdentity).Assembly]);
        while (open.TryPop(out var assembly))
        {
            if (found.TryAdd(assembly.GetName().Name!, assembly))
            {
                foreach (var reference in assembly.GetReferencedAssemblies().Where(IsOurs))
                {
                    open.Push(Assembly.Load(reference));
                }
            }
        }

        return found.Select(pair => $"{pair.Key} {pair.Value.ManifestModule.ModuleVersionId}");
    }

    private static bool IsOurs(AssemblyName name) =>
        File.Exists(Path.Combine(AppContext.BaseDirectory, name.Name + ".dll"));
}
