namespace QuantBuild.Package.Tests;

internal sealed class SampleTests
{
    [Test]
    public void Digits_CopiedOutOfTheRepository_RunsWithThePackage()
    {
        var source = Path.Combine(PackageFeed.Repository, "samples", "Digits");
        var folder = Project.NewFolder();
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var path = Path.GetRelativePath(source, file);
            if (path.Split(Path.DirectorySeparatorChar)[0] is not ("bin" or "obj"))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, "Digits", path))!);
                File.Copy(file, Path.Combine(folder, "Digits", path));
            }
        }

        // What the sample's README tells a reader to add
        File.WriteAllText(
            Path.Combine(folder, "Directory.Build.props"),
            $"""<Project><ItemGroup><PackageReference Include="QuantBuild" Version="{PackageFeed.Version}" PrivateAssets="all" /></ItemGroup></Project>""");

        var result = DotNet.Run(Path.Combine(folder, "Digits"), "run", "-c", "Release");
        Directory.Delete(folder, recursive: true);

        Assert.That(result.Output, Does.Match(@"364 images\s+deployed\s+float\s+accuracy\s+9\d\.\d+ %\s+9\d\.\d+ %"), result.Output);
    }
}
