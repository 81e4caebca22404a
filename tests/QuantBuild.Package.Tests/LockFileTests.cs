using System.Text.Json;
using System.Text.Json.Nodes;

namespace QuantBuild.Package.Tests;

/// <summary>A lock file beside the model: written where that is asked for, followed, an input of the build, and refused with the way out.</summary>
internal sealed class LockFileTests
{
    [Test]
    public void UpdateLock_WritesIt_AndBuildsFollowWhatItSays()
    {
        using var project = Project.Create();
        var lockFile = project["models/digits.quantbuild.json"];

        var written = project.Build("-p:QuantBuildUpdateLock=true");
        var decided = Deployed(project);
        var followed = project.Build();
        var repeated = Deployed(project);
        var again = project.Build();
        RemoveAnOperator(lockFile);
        var changed = project.Build();
        var fewer = Deployed(project);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(written.Succeeded, Is.True, written.Output);
            Assert.That((followed.Succeeded, repeated), Is.EqualTo((true, decided)), "the lock gives the same bytes as the search");
            Assert.That((again.Quantized, again.Reused), Is.EqualTo((0, 0)), "nothing has changed");
            Assert.That((changed.Succeeded, changed.Quantized), Is.EqualTo((true, 1)), "the lock is an input of the build");
            Assert.That(fewer, Is.Not.EqualTo(decided));
        }
    }

    /// <summary>The lock file is an input, too: that the build itself wrote it is no change, that somebody else did is one.</summary>
    [TestCase("models/digits.quantbuild.json")]
    [TestCase("locks/own.json", "-p:QuantBuildLock=locks/own.json")]
    public void UpdateLock_WithNothingChanged_StartsNoWorker(string lockFile, params string[] properties)
    {
        string[] update = ["-p:QuantBuildUpdateLock=true", .. properties];
        using var project = Project.Create();

        var written = project.Build(update);
        var decided = File.ReadAllText(project[lockFile]);
        var nothing = project.BuildWithoutWorker(update);
        File.Delete(project[lockFile]);
        var deleted = project.Build(update);
        var again = File.ReadAllText(project[lockFile]);
        File.WriteAllText(project[lockFile], "edited");
        var edited = project.Build(update);
        var after = project.BuildWithoutWorker(update);

        using (Assert.EnterMultipleScope())
        {
            Assert.That((written.Quantized, deleted.Reused, edited.Reused), Is.EqualTo((1, 1, 1)), edited.Output);
            Assert.That(nothing.Succeeded, Is.True, nothing.Output);
            Assert.That(after.Succeeded, Is.True, after.Output);
            Assert.That((again, File.ReadAllText(project[lockFile])), Is.EqualTo((decided, decided)));
        }
    }

    [TestCase("null", "QB2024", "it holds no JSON object")]
    [TestCase("{", "QB2024", "line 1: this is not valid JSON")]
    [TestCase(
        """{ "schemaVersion": 1, "model": "0", "chosenBy": "", "settings": { "format": "Qdq", "activationType": "U8", "weightType": "S8", "target": "X64" }, "operators": {} }""",
        "QB2025", "it was made with format 'Qdq', and that is 'Auto' now")]
    public void LockThatCannotBeFollowed_IsAnErrorAtTheItem(string content, string code, string reason)
    {
        using var project = Project.Create();
        project.Write("models/digits.quantbuild.json", content);

        var build = project.Build();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(build.Succeeded, Is.False);
            Assert.That(build.Line(code), Does.Contain("App.csproj(6,5): error").And.Contain("digits.quantbuild.json").And.Contain(reason).And.Contain("UpdateLock=true"), build.Output);
            Assert.That(File.Exists(project.Deployed), Is.False);
        }
    }

    /// <summary>The second item comes to a project whose first one is up to date.</summary>
    [Test]
    public void UpdateLock_OverTheLockFileOfAnItemThatIsUpToDate_IsAnErrorAtTheItem()
    {
        using var project = Project.Create($"""
            {Project.DefaultItem}
            <QuantizeModel Condition="'$(Second)' == 'true'" Include="models/digits.onnx" Link="models/second.onnx" UpdateLock="true" CalibrationData="data/calibration/**/*.png" />
            """);
        project.Build();

        var build = project.Build("-p:Second=true");

        using (Assert.EnterMultipleScope())
        {
            Assert.That((build.Succeeded, File.Exists(project["models/digits.quantbuild.json"])), Is.EqualTo((false, false)));
            Assert.That(build.Line("QB1002"), Does.Contain("models/digits.onnx (Link models/second.onnx): Lock is").And.Contain("models/digits.onnx follows the lock file there"), build.Output);
        }
    }

    [Test]
    public void Analyze_PutsWhatEachOperatorDoesIntoTheReport()
    {
        using var project = Project.Create(Project.DefaultItem.Replace("MaxAccuracyDrop=\"0.5\"", "Analyze=\"true\"", StringComparison.Ordinal));

        var build = project.Build();

        Assert.That(build.Succeeded, Is.True, build.Output);
        var report = Directory.GetFiles(project["obj/quantbuild"], "report.json", SearchOption.AllDirectories).Single();
        using var document = JsonDocument.Parse(File.ReadAllBytes(report));
        Assert.That(document.RootElement.GetProperty("analysis").GetProperty("operators").GetArrayLength(), Is.GreaterThan(1));
    }

    private static string Deployed(Project project) => Convert.ToHexString(File.ReadAllBytes(project.Deployed));

    private static void RemoveAnOperator(string lockFile)
    {
        var document = JsonNode.Parse(File.ReadAllText(lockFile))!;
        var operators = document["operators"]!.AsObject();
        operators.Remove(operators.First(row => row.Value!.GetValue<string>() == "static").Key);
        File.WriteAllText(lockFile, document.ToJsonString());
    }
}
