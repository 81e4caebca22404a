using System.Reflection;

namespace QuantBuild.Package.Tests;

/// <summary>
/// The package, packed once a run into a folder feed under a version of its own, and a package cache of its own: nothing that an
/// earlier run left can be restored. Packages of others come from the machine's cache, without a network.
/// </summary>
[SetUpFixture]
internal sealed class PackageFeed
{
    private static readonly string Root = Path.Combine(Path.GetTempPath(), $"quantbuild-tests-{Guid.NewGuid():N}");

    public static string Repository { get; } = FindRepository();

    public static string Version { get; } = $"0.0.1-test{DateTime.UtcNow:yyyyMMddHHmmss}";

    public static string Package { get; } = Path.Combine(Root, "feed", $"QuantBuild.{Version}.nupkg");

    /// <summary>Where restored packages are, in place of the machine's cache.</summary>
    public static string Cache { get; } = Path.Combine(Root, "cache");

    /// <summary>The tool in the restored package, which is there after the first build of a project.</summary>
    public static string Tool { get; } = Path.Combine(Cache, "quantbuild", Version, "tools", "quantbuild.dll");

    public static string Projects { get; } = Path.Combine(Root, "projects");

    [OneTimeSetUp]
    public static void Pack()
    {
        Directory.CreateDirectory(Projects);
        var machineCache = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        File.WriteAllText(Path.Combine(Projects, "nuget.config"), $"""
            <configuration>
              <packageSources><clear /><add key="feed" value="{Path.Combine(Root, "feed")}" /></packageSources>
              <fallbackPackageFolders><clear /><add key="machine" value="{machineCache}" /></fallbackPackageFolders>
            </configuration>
            """);
        var configuration = typeof(PackageFeed).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(item => item.Key == "Configuration").Value!;
        var result = DotNet.Run(
            Repository, "pack", "src/QuantBuild.Tasks", "--no-build", "-c", configuration, "-o", Path.Combine(Root, "feed"), $"-p:PackageVersion={Version}");
        Assert.That(result is { ExitCode: 0 } && !result.Output.Contains("warning", StringComparison.Ordinal), Is.True, result.Output);
    }

    [OneTimeTearDown]
    public static void Delete() => Directory.Delete(Root, recursive: true);

    private static string FindRepository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "QuantBuild.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The tests run outside the repository.");
        }

        return folder.FullName;
    }
}
