namespace QuantBuild.Package.Tests;

/// <summary>What a user can write wrongly: one project, another item each time.</summary>
internal sealed class ItemErrorTests
{
    private Project _project = null!;

    [OneTimeSetUp]
    public void BuildOnce()
    {
        _project = Project.Create();
        Assert.That(_project.Build().ExitCode, Is.Zero);
    }

    [OneTimeTearDown]
    public void Delete() => _project.Dispose();

    [TearDown]
    public void Restore() => _project.Write("App.csproj", File.ReadAllText(_project["App.csproj.txt"]));

    [SetUp]
    public void Keep() => File.Copy(_project["App.csproj"], _project["App.csproj.txt"], overwrite: true);

    [TestCase("CalibrationMethod=\"MinMx\"", "models/digits.onnx: CalibrationMethod is 'MinMx'; expected one of MinMax", TestName = "Value_OfAMethodThatIsUnknown_ListsTheMethods")]
    [TestCase("ImageSize=\"big\"", "models/digits.onnx: ImageSize is 'big'", TestName = "Value_OfAnImageSizeThatIsNone_SaysWhatASizeIs")]
    [TestCase("CopyToOutputDirectory=\"Sometimes\"", "models/digits.onnx: CopyToOutputDirectory is 'Sometimes'; expected one of IfDifferent, Always, PreserveNewest, Never.", TestName = "Value_OfACopyModeThatIsUnknown_ListsTheModes")]
    [TestCase("Link=\"../digits.onnx\"", "models/digits.onnx: Link is '../digits.onnx'; expected a path inside the output folder", TestName = "Value_OfALinkOutOfTheOutput_IsRefused")]
    public void Value_ThatIsNotValid_IsAnErrorAtTheItem(string metadata, string message)
    {
        _project.Replace("App.csproj", "MaxAccuracyDrop=\"0.5\"", metadata);

        var result = _project.Build();

        Assert.That(result.Line("QB1002"), Does.StartWith($"{_project["App.csproj"]}(6,5): error QB1002: {message}"), result.Output);
    }

    [Test]
    public void Mode_ThatIsUnknown_ListsTheModes()
    {
        var result = _project.Build("-p:QuantBuildMode=Int8");

        Assert.That(result.Line("QB1002"), Does.Contain("QuantBuildMode is 'Int8'; expected one of Quantize, PassThrough."), result.Output);
    }

    [Test]
    public void Metadata_ThatIsMisspelt_IsAWarningThatNamesTheNearest()
    {
        _project.Replace("App.csproj", "MaxAccuracyDrop", "MaxAcuracyDrop");

        var warned = _project.Build();
        var promoted = _project.Build("-p:WarningsAsErrors=QB1006", "-p:QuantBuildMetric=top1");
        var promotedAgain = _project.Build("-p:WarningsAsErrors=QB1006", "-p:QuantBuildMetric=top1");
        var silenced = _project.Build("-p:NoWarn=QB1006", "-p:QuantBuildMetric=top1");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(warned.ExitCode, Is.Zero, warned.Output);
            Assert.That(
                warned.Line("QB1006"),
                Does.StartWith($"{_project["App.csproj"]}(6,5): warning QB1006: models/digits.onnx: the metadata 'MaxAcuracyDrop' is not known and has no effect; did you mean 'MaxAccuracyDrop'?"));
            Assert.That(promoted.Line("QB1006"), Does.Contain("(6,5): error QB1006"), promoted.Output);
            Assert.That(promotedAgain.Line("QB1006"), Does.Contain("(6,5): error QB1006"), promotedAgain.Output);
            Assert.That(silenced.ExitCode, Is.Zero, silenced.Output);
            Assert.That(silenced.Lines("QB1006"), Is.Empty);
        }
    }

    [Test]
    public void Models_WithOneOutputPath_AreAnErrorAtTheSecond()
    {
        _project.Replace("App.csproj", Project.DefaultItem, $"{Project.DefaultItem}\n    <QuantizeModel Include=\"other.onnx\" Link=\"models/digits.onnx\" />");

        var result = _project.Build();

        Assert.That(
            result.Line("QB1005"),
            Does.StartWith($"{_project["App.csproj"]}(7,5): error QB1005: models/digits.onnx and other.onnx would both be written to 'models/digits.onnx'"), result.Output);
    }

    [TestCase("Quantize")]
    [TestCase("PassThrough")]
    public void Model_ThatIsMissing_IsAnErrorAtTheItem(string mode)
    {
        _project.Replace("App.csproj", "models/digits.onnx", "models/digit.onnx");

        var result = _project.Build($"-p:QuantBuildMode={mode}");

        Assert.That(result.Line("QB2001"), Does.StartWith($"{_project["App.csproj"]}(6,5): error QB2001: models/digit.onnx: "), result.Output);
    }

    [Test]
    public void Item_OfAnImportedFile_IsReportedThere()
    {
        _project.Replace("App.csproj", Project.DefaultItem, "");
        _project.Write("Directory.Build.targets", $"<Project>\n  <ItemGroup>\n\n    {Project.DefaultItem.Replace("digits.onnx", "*.onnx", StringComparison.Ordinal).Replace("0.5", "much", StringComparison.Ordinal)}\n  </ItemGroup>\n</Project>");

        var result = _project.Build();
        File.Delete(_project["Directory.Build.targets"]);

        Assert.That(result.Line("QB1002"), Does.StartWith($"{_project["Directory.Build.targets"]}(4,5): error QB1002: models/digits.onnx: MaxAccuracyDrop is 'much'"), result.Output);
    }
}
