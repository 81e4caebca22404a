using System.Text.Json;

namespace QuantBuild.Package.Tests;

/// <summary>Metadata that change the model, from a project's item to the report beside the result.</summary>
internal sealed class SettingsTests
{
    [Test]
    public void Channels_AreRemoved_AndRefitEpochsLearn()
    {
        var report = Report("Channels=\"0.25\" RefitEpochs=\"2\" MaxAccuracyDrop=\"0.5\"");

        var pruning = report.GetProperty("pruning");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(pruning.GetProperty("removed").GetInt32(), Is.Positive);
            Assert.That(pruning.GetProperty("parameters").GetInt64(), Is.LessThan(pruning.GetProperty("parametersBefore").GetInt64()));
            Assert.That(pruning.GetProperty("distillation").GetProperty("epochs").GetInt32(), Is.EqualTo(2));
            Assert.That(report.GetProperty("settings").GetProperty("refitEpochs").GetString(), Is.EqualTo("2"));
        }
    }

    [Test]
    public void MinAgreement_IsAGate()
    {
        var report = Report("Metric=\"agreement\" MinAgreement=\"0.5\"");

        var gate = report.GetProperty("gates").EnumerateArray().Single();
        Assert.That((gate.GetProperty("name").GetString(), gate.GetProperty("passed").GetBoolean()), Is.EqualTo(("MinAgreement", true)));
    }

    [Test]
    public void FoldInput_NamesTheIntegersThatTheModelTakes()
    {
        var report = Report("FoldInput=\"true\"");

        Assert.That(report.GetProperty("settings").GetProperty("foldInput").GetString(), Is.EqualTo("True"));
    }

    private static JsonElement Report(string metadata)
    {
        using var project = Project.Create(Project.DefaultItem.Replace("MaxAccuracyDrop=\"0.5\"", metadata, StringComparison.Ordinal));
        var build = project.Build();
        Assert.That(build.Succeeded, Is.True, build.Output);
        var report = Directory.GetFiles(project["obj/quantbuild"], "report.json", SearchOption.AllDirectories).Single();
        return JsonDocument.Parse(File.ReadAllBytes(report)).RootElement;
    }
}
