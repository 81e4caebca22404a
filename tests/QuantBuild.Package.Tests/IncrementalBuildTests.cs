namespace QuantBuild.Package.Tests;

/// <summary>One project, built again and again; every test starts from a successful build.</summary>
internal sealed class IncrementalBuildTests
{
    private Project _project = null!;
    private BuildResult _first = null!;

    [OneTimeSetUp]
    public void BuildOnce()
    {
        _project = Project.Create();
        _first = _project.Build();
    }

    [OneTimeTearDown]
    public void Delete() => _project.Dispose();

    [SetUp]
    public void BuildBefore() => Assert.That(_project.Build() is { Succeeded: true } ? "" : "the build before failed", Is.Empty);

    [Test]
    public void FirstBuild_OfAProject_DeploysTheQuantizedModel()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_first.ExitCode, Is.Zero, _first.Output);
            Assert.That(_first.Quantized, Is.EqualTo(1));
            Assert.That(File.ReadAllBytes(_project.Deployed), Is.Not.EqualTo(File.ReadAllBytes(_project.Model)));
            Assert.That(Directory.GetFiles(_project["obj/quantbuild"], "report.json", SearchOption.AllDirectories), Has.Length.EqualTo(1));
        }
    }

    [Test]
    public void Build_WithNothingChanged_StartsNoWorkerAndLoadsNoTask()
    {
        var result = _project.BuildWithoutWorker("-v:d");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.ExitCode, Is.Zero, result.Output);
            Assert.That(result.Output, Does.Contain("\"QuantizeModels\""));
            Assert.That(result.Output, Does.Not.Contain("QuantBuild.Tasks.dll"));
        }
    }

    [Test]
    public void Build_WithATouchedModel_ReusesTheResultOnce()
    {
        File.SetLastWriteTimeUtc(_project.Model, DateTime.UtcNow);
        var deployed = File.GetLastWriteTimeUtc(_project.Deployed);

        var touched = _project.Build();
        var after = _project.BuildWithoutWorker();

        using (Assert.EnterMultipleScope())
        {
            Assert.That((touched.Quantized, touched.Reused), Is.EqualTo((0, 1)), touched.Output);
            Assert.That(after.ExitCode, Is.Zero, after.Output);
            Assert.That(File.GetLastWriteTimeUtc(_project.Deployed), Is.EqualTo(deployed));
        }
    }

    [Test]
    public void Build_WithAnOlderModelInItsPlace_QuantizesAnew()
    {
        // A metadata entry more: another content, the same function
        File.AppendAllBytes(_project.Model, [0x72, 0x06, 0x0A, 0x01, (byte)'k', 0x12, 0x01, (byte)'v']);
        File.SetLastWriteTimeUtc(_project.Model, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));

        var result = _project.Build();

        Assert.That(result.Quantized, Is.EqualTo(1), result.Output);
    }

    [Test]
    public void Build_WithACalibrationImageLess_QuantizesAnew()
    {
        File.Delete(Directory.GetFiles(_project["data/calibration/3"])[0]);

        var result = _project.Build();

        Assert.That(result.Quantized, Is.EqualTo(1), result.Output);
    }

    [Test]
    public void Build_WithAnEvaluationImageMore_JudgesItToo()
    {
        var image = Directory.GetFiles(_project["data/evaluation/3"])[0];
        File.Copy(image, image.Replace(".png", "-again.png", StringComparison.Ordinal));

        var result = _project.Build();

        Assert.That(result.Quantized, Is.EqualTo(1), result.Output);
    }

    [Test]
    public void Build_WithAnotherLimit_JudgesTheSameResult()
    {
        _project.Replace("App.csproj", "MaxAccuracyDrop=\"0.5\"", "MaxAccuracyDrop=\"0.6\"");

        var result = _project.Build();
        _project.Replace("App.csproj", "MaxAccuracyDrop=\"0.6\"", "MaxAccuracyDrop=\"0.5\"");

        Assert.That((result.Quantized, result.Reused), Is.EqualTo((0, 1)), result.Output);
    }

    /// <summary>Made elsewhere, it is an input like any other, and the data need not be there.</summary>
    [Test]
    public void Build_WithACalibrationInPlaceOfItsData_GivesTheSameBytes()
    {
        const string Data = "CalibrationData=\"data/calibration/**/*.png\"";
        const string Calibration = "Calibration=\"digits.qcal\"";
        var before = File.ReadAllBytes(_project.Deployed);
        var calibrated = _project.Run(PackageFeed.Tool, "calibrate", "models/digits.onnx", "--calibration-data", "data/calibration/**/*.png", "--output", "digits.qcal");
        Directory.Move(_project["data/calibration"], _project["elsewhere"]);
        _project.Replace("App.csproj", Data, Calibration);

        var built = _project.Build();
        var after = File.ReadAllBytes(_project.Deployed);
        var nothing = _project.BuildWithoutWorker();
        File.WriteAllText(_project["digits.qcal"], "no calibration");
        var damaged = _project.Build();
        _project.Replace("App.csproj", Calibration, Data);
        Directory.Move(_project["elsewhere"], _project["data/calibration"]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(calibrated.ExitCode, Is.Zero, calibrated.Output);
            Assert.That((built.ExitCode, built.Quantized), Is.EqualTo((0, 1)), built.Output);
            Assert.That(after, Is.EqualTo(before));
            Assert.That(nothing.ExitCode, Is.Zero, nothing.Output);
            Assert.That(damaged.Line("QB2020"), Does.Contain("App.csproj(6,5): error QB2020: ").And.Contain("digits.qcal"));
        }
    }

    [Test]
    public void Clean_ThenBuild_GivesTheSameBytes()
    {
        var before = File.ReadAllBytes(_project.Deployed);

        var clean = _project.Run("clean");
        var left = Directory.Exists(_project["obj/quantbuild"]) || File.Exists(_project.Deployed);
        var built = _project.Build();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(clean.ExitCode, Is.Zero, clean.Output);
            Assert.That(left, Is.False);
            Assert.That(built.Quantized, Is.EqualTo(1), built.Output);
            Assert.That(File.ReadAllBytes(_project.Deployed), Is.EqualTo(before));
        }
    }

    [Test]
    public void DesignTimeBuild_OfACleanProject_RunsAndWritesNothing()
    {
        _project.Run("clean");

        var result = _project.Run(
            "msbuild", "-t:Compile;GetCopyToOutputDirectoryItems", "-p:DesignTimeBuild=true", "-p:SkipCompilerExecution=true",
            "-p:ProvideCommandLineArgs=true", "-p:_QuantBuildHost=/there/is/no/host");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.ExitCode, Is.Zero, result.Output);
            Assert.That(Directory.Exists(_project["obj/quantbuild"]), Is.False);
        }
    }
}
