using System.IO.Compression;

namespace QuantBuild.Package.Tests;

/// <summary>Where the model gets to.</summary>
internal sealed class DeploymentTests
{
    private const string PassThrough = "-p:QuantBuildMode=passthrough";

    [Test]
    public void Publish_WithAndWithoutBuild_CarriesTheModel()
    {
        using var project = Project.Create();

        var published = project.Run("publish", "-c", "Debug", "-o", "first");
        var publishedAgain = project.Run("publish", "-c", "Debug", "--no-build", "-o", "second");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(published.Quantized, Is.EqualTo(1), published.Output);
            Assert.That(publishedAgain.ExitCode, Is.Zero, publishedAgain.Output);
            Assert.That(File.ReadAllBytes(project["first/models/digits.onnx"]), Is.EqualTo(File.ReadAllBytes(project.Deployed)));
            Assert.That(File.ReadAllBytes(project["second/models/digits.onnx"]), Is.EqualTo(File.ReadAllBytes(project.Deployed)));
        }
    }

    [Test]
    public void PassThrough_SwitchedOnAndOff_ReplacesTheModelEachTime()
    {
        // The float model where the project deployed it before it knew QuantBuild
        using var project = Project.Create(Project.DefaultItem + """<None Update="models/digits.onnx" CopyToOutputDirectory="PreserveNewest" />""");
        var original = File.ReadAllBytes(project.Model);
        var quantized = BuildAndPublish();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(quantized.Built, Is.Not.EqualTo(original));
            Assert.That(quantized.Published, Is.EqualTo(quantized.Built));
        }

        var passed = BuildAndPublish(PassThrough);
        var restored = BuildAndPublish();
        var passedAgain = BuildAndPublish(PassThrough);
        var nothing = project.BuildWithoutWorker(PassThrough);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(passed, Is.EqualTo((original, original)).Using<(byte[], byte[])>(Same));
            Assert.That(restored, Is.EqualTo(quantized).Using<(byte[], byte[])>(Same));
            Assert.That(passedAgain, Is.EqualTo((original, original)).Using<(byte[], byte[])>(Same));
            Assert.That(nothing.ExitCode, Is.Zero, nothing.Output);
        }

        (byte[] Built, byte[] Published) BuildAndPublish(params string[] arguments)
        {
            var build = project.Build(arguments);
            var publish = project.Run(["publish", "--no-build", "-c", "Debug", "-o", "out", .. arguments]);
            Assert.That(build.Succeeded && publish.Succeeded, Is.True, build.Output + publish.Output);
            return (File.ReadAllBytes(project.Deployed), File.ReadAllBytes(project["out/models/digits.onnx"]));
        }
    }

    [Test]
    public void PassThrough_OfAModelWithExternalData_CarriesBoth()
    {
        using var project = Project.Create("""<QuantizeModel Include="models/sum.onnx" Link="nets/sum.onnx" />""", "<QuantBuildMode>PassThrough</QuantBuildMode>");
        ExternalModel.Write(project["models/sum.onnx"], "weights/sum.bin");

        var first = project.Build();
        var second = project.BuildWithoutWorker();
        ExternalModel.WriteData(project["models/weights/sum.bin"], 2);
        var third = project.Build();
        var packed = project.Run("pack", "-c", "Debug", "--no-build", "-o", "packed");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.ExitCode, Is.Zero, first.Output);
            Assert.That(second.ExitCode, Is.Zero, second.Output);
            Assert.That(third.ExitCode, Is.Zero, third.Output);
            Assert.That(File.ReadAllBytes(project["bin/Debug/net10.0/nets/weights/sum.bin"]), Is.EqualTo(File.ReadAllBytes(project["models/weights/sum.bin"])));
            Assert.That(Entries(project["packed/App.1.0.0.nupkg"]), Is.SupersetOf(new[] { "contentFiles/any/any/nets/sum.onnx", "contentFiles/any/any/nets/weights/sum.bin" }), packed.Output);
        }
    }

    /// <summary>A result of gigabytes is not made here: its data file is put beside a small one, as the worker would.</summary>
    [Test]
    public void Quantize_OfALargeModel_CarriesItsData()
    {
        using var project = Project.Create();
        var first = project.Build();
        var store = Path.GetDirectoryName(Directory.GetFiles(project["obj/quantbuild"], "passed.stamp", SearchOption.AllDirectories).Single())!;
        File.WriteAllText(Path.Combine(store, "digits.0123456789abcdef.data"), "weights");
        File.WriteAllText(Path.Combine(store, "companions.txt"), Path.Combine(store, "digits.0123456789abcdef.data") + "\n");

        var second = project.BuildWithoutWorker();
        var published = project.Run("publish", "-c", "Debug", "--no-build", "-o", "out");
        var packed = project.Run("pack", "-c", "Debug", "--no-build", "-o", "packed");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.ExitCode, Is.Zero, first.Output);
            Assert.That(second.ExitCode, Is.Zero, second.Output);
            Assert.That(File.Exists(project["bin/Debug/net10.0/models/digits.0123456789abcdef.data"]), Is.True, second.Output);
            Assert.That(File.Exists(project["out/models/digits.0123456789abcdef.data"]), Is.True, published.Output);
            Assert.That(Entries(project["packed/App.1.0.0.nupkg"]), Does.Contain("contentFiles/any/any/models/digits.0123456789abcdef.data"), packed.Output);
        }
    }

    [Test]
    public void ProjectReference_ToAProjectWithAModel_BringsIt()
    {
        var folder = Project.NewFolder();
        using var library = Project.Create(name: "Models", folder: folder);
        using var middle = Project.CreateWithoutModels("""<ItemGroup><ProjectReference Include="../Models/Models.csproj" /></ItemGroup>""", "Middle", folder);
        using var application = Project.CreateWithoutModels(
            """<PropertyGroup><OutputType>Exe</OutputType></PropertyGroup><ItemGroup><ProjectReference Include="../Middle/Middle.csproj" /></ItemGroup>""", "App", folder);
        application.Write("Program.cs", "return;");

        var built = application.Build();
        var published = application.Run("publish", "-c", "Debug", "--no-build", "-o", "out");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(built.Quantized, Is.EqualTo(1), built.Output);
            Assert.That(published.ExitCode, Is.Zero, published.Output);
            Assert.That(File.ReadAllBytes(application.Deployed), Is.EqualTo(File.ReadAllBytes(library.Deployed)));
            Assert.That(File.ReadAllBytes(application["out/models/digits.onnx"]), Is.EqualTo(File.ReadAllBytes(library.Deployed)));
        }
    }

    [Test]
    public void Pack_OfAProjectWithAModel_BringsItToConsumers()
    {
        var folder = Project.NewFolder();
        using var library = Project.Create(name: "Models", folder: folder);

        // The float model as content of the project must not come along
        library.Replace("Models.csproj", Project.DefaultItem, Project.DefaultItem + """<Content Include="models/digits.onnx" CopyToOutputDirectory="PreserveNewest" />""");
        var packed = library.Run("pack", "-c", "Debug", "-o", "feed", "-p:Version=3.0.0");
        using var application = Project.CreateWithoutModels(
            """<ItemGroup><PackageReference Include="Models" Version="3.0.0" /></ItemGroup>""", "App", folder);
        application.Write("nuget.config", $"""<configuration><packageSources><add key="models" value="{library["feed"]}" /></packageSources></configuration>""");
        var consumed = application.Build();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(packed.Quantized, Is.EqualTo(1), packed.Output);
            Assert.That(packed.Output, Does.Not.Contain("warning"));
            Assert.That(Entries(library["feed/Models.3.0.0.nupkg"]).Where(entry => entry.EndsWith(".onnx", StringComparison.Ordinal)), Is.EqualTo(new[] { "contentFiles/any/any/models/digits.onnx" }));
            Assert.That(consumed.ExitCode, Is.Zero, consumed.Output);
            Assert.That(File.ReadAllBytes(application.Deployed), Is.EqualTo(File.ReadAllBytes(library.Deployed)));
        }
    }

    [Test]
    public void Pack_WithAReferenceThatLeaks_Warns()
    {
        using var project = Project.Create("");
        project.Replace("App.csproj", " PrivateAssets=\"all\"", "");

        var packed = project.Run("pack", "-c", "Debug");

        Assert.That(packed.Line("QB1103"), Does.Contain("warning QB1103: "));
    }

    [Test]
    public void TargetFrameworks_ThatAreSeveral_QuantizeOnce()
    {
        using var project = Project.Create();
        project.Replace("App.csproj", "<TargetFramework>net10.0</TargetFramework>", "<TargetFrameworks>net10.0;netstandard2.0</TargetFrameworks>");

        var built = project.Build();
        var nothing = project.BuildWithoutWorker();
        var packed = project.Run("pack", "--no-build", "-c", "Debug", "-o", "packed");
        var clean = project.Run("clean");

        using (Assert.EnterMultipleScope())
        {
            Assert.That((built.Quantized, built.Reused), Is.EqualTo((1, 0)), built.Output);
            Assert.That(nothing.ExitCode, Is.Zero, nothing.Output);
            Assert.That(Entries(project["packed/App.1.0.0.nupkg"]), Has.Exactly(1).EndsWith(".onnx"), packed.Output);
            Assert.That(Directory.Exists(project["obj/quantbuild"]), Is.False, clean.Output);
        }
    }

    [Test]
    public void Paths_WithSpacesAndLettersOfAllKinds_Work()
    {
        var folder = Path.Combine(Project.NewFolder(), "a b (ü) 日本 & 'c' @+=#");
        using var project = Project.Create(
            """<QuantizeModel Include="models/zahl é %2541 a;b.onnx" CalibrationData="data/ein ordner/**/*.png" EvaluationData="data/evaluation" />""".Replace(";", "%3B", StringComparison.Ordinal)
            + """<QuantizeModel Include="../outside.onnx" CalibrationData="data/evaluation" />""",
            folder: folder);
        File.Copy(project.Model, project["../outside.onnx"]);
        File.Move(project.Model, project["models/zahl é %41 a;b.onnx"]);
        Directory.Move(project["data/calibration"], project["data/ein ordner"]);

        var built = project.Build();
        var nothing = project.BuildWithoutWorker();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(built.ExitCode, Is.Zero, built.Output);
            Assert.That(nothing.ExitCode, Is.Zero, nothing.Output);
            Assert.That(File.Exists(project["bin/Debug/net10.0/models/zahl é %41 a;b.onnx"]), Is.True);
            Assert.That(File.Exists(project["bin/Debug/net10.0/outside.onnx"]), Is.True);
        }
    }

    private static bool Same((byte[] Built, byte[] Published) first, (byte[] Built, byte[] Published) second) =>
        first.Built.AsSpan().SequenceEqual(second.Built) && first.Published.AsSpan().SequenceEqual(second.Published);

    private static string[] Entries(string package)
    {
        using var archive = ZipFile.OpenRead(package);
        return [.. archive.Entries.Select(entry => Uri.UnescapeDataString(entry.FullName))];
    }
}
