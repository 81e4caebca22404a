namespace QuantBuild.Package.Tests;

/// <summary>A folder with a small project: the sample's model and a few of its images, no code.</summary>
internal sealed class Project : IDisposable
{
    public const string DefaultItem = """<QuantizeModel Include="models/digits.onnx" CalibrationData="data/calibration/**/*.png" EvaluationData="data/evaluation" MaxAccuracyDrop="0.5" />""";

    private const int ImagesPerClass = 2;

    private Project(string folder) => Folder = folder;

    public string Folder { get; }

    public string Model => this["models/digits.onnx"];

    public string Deployed => this["bin/Debug/net10.0/models/digits.onnx"];

    public string this[string path] => Path.Combine(Folder, path);

    /// <summary>The tests' own project with that item; the item starts at line 6, column 5.</summary>
    public static Project Create(string item = DefaultItem, string properties = "", string name = "App", string folder = "")
    {
        var project = Copy(Path.Combine(folder.Length > 0 ? folder : NewFolder(), name));
        project.Write($"{name}.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup><TargetFramework>net10.0</TargetFramework>{properties}</PropertyGroup>
              <ItemGroup>
                <PackageReference Include="QuantBuild" Version="{PackageFeed.Version}" PrivateAssets="all" />
                <!-- the item -->
                {item}
              </ItemGroup>
            </Project>
            """);
        return project;
    }

    public static Project CreateWithoutModels(string body, string name, string folder)
    {
        var project = new Project(Path.Combine(folder, name));
        Directory.CreateDirectory(project.Folder);
        project.Write($"{name}.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
              {body}
            </Project>
            """);
        return project;
    }

    public static string NewFolder() => Path.Combine(PackageFeed.Projects, Guid.NewGuid().ToString("N")[..8]);

    public BuildResult Run(params IEnumerable<string> arguments) => DotNet.Run(Folder, arguments);

    /// <summary>Without the restore, which only the first build of a project needs.</summary>
    public BuildResult Build(params IEnumerable<string> arguments) =>
        Run(["build", .. File.Exists(this["obj/project.assets.json"]) ? ["--no-restore"] : Array.Empty<string>(), .. arguments]);

    /// <summary>A build in which no worker can be started.</summary>
    public BuildResult BuildWithoutWorker(params IEnumerable<string> arguments) =>
        Build(["-p:_QuantBuildHost=/there/is/no/host", .. arguments]);

    public void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(this[path])!);
        File.WriteAllText(this[path], text);
    }

    public void Replace(string path, string before, string after)
    {
        var text = File.ReadAllText(this[path]);
        Assert.That(text, Does.Contain(before));
        File.WriteAllText(this[path], text.Replace(before, after, StringComparison.Ordinal));
    }

    /// <summary>Deletes what is in the folder, other projects beside it included.</summary>
    public void Dispose()
    {
        if (Path.GetDirectoryName(Folder) is { } parent && Directory.Exists(parent))
        {
            Directory.Delete(parent, recursive: true);
        }
    }

    private static Project Copy(string folder)
    {
        var sample = Path.Combine(PackageFeed.Repository, "samples", "Digits");
        var project = new Project(folder);
        CopyFile("models/digits.onnx");
        foreach (var kind in new[] { "calibration", "evaluation" })
        {
            foreach (var digit in Directory.EnumerateDirectories(Path.Combine(sample, "data", kind)))
            {
                foreach (var image in Directory.EnumerateFiles(digit, "*.png").Order(StringComparer.Ordinal).Take(ImagesPerClass))
                {
                    CopyFile(Path.GetRelativePath(sample, image));
                }
            }
        }

        return project;

        void CopyFile(string path)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(project[path])!);
            File.Copy(Path.Combine(sample, path), project[path]);
        }
    }
}
