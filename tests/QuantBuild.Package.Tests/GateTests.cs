using System.Text.RegularExpressions;

namespace QuantBuild.Package.Tests;

internal sealed class GateTests
{
    [Test]
    public void Build_WithAFailedGate_FailsUntilTheLimitIsLoosened()
    {
        using var project = Project.Create(Project.DefaultItem.Replace("0.5", "-1", StringComparison.Ordinal));

        var first = project.Build();
        var result = Directory.GetFiles(project["obj/quantbuild"], "*.withheld", SearchOption.AllDirectories).Single();
        var made = (File.GetLastWriteTimeUtc(result), Convert.ToHexString(File.ReadAllBytes(result)));
        var second = project.Build();
        var madeAgain = (File.GetLastWriteTimeUtc(result), Convert.ToHexString(File.ReadAllBytes(result)));
        var published = project.Run("publish", "--no-build", "-c", "Debug");
        var deployedByFailure = File.Exists(project.Deployed);
        project.Replace("App.csproj", "MaxAccuracyDrop=\"-1\"", "MaxAccuracyDrop=\"0.5\"");
        var loosened = project.Build();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.Lines("QB3001"), Has.One.Items);
            Assert.That(
                first.Line("QB3001"),
                Does.Match($@"^{Regex.Escape(project["App.csproj"])}\(6,5\): error QB3001: models/digits\.onnx: top1 (fell|rose) from \d\.\d{{4}} to \d\.\d{{4}} \(drop -?\d\.\d{{4}}, at most -1\.0000 allowed\); most sensitive: \S+ \(\d+\.\d dB\), \S+ \(\d+\.\d dB\), \S+ \(\d+\.\d dB\) https://\S+QB3001\.md"));
            Assert.That(second.Lines("QB3001"), Is.EqualTo(first.Lines("QB3001")));
            Assert.That(madeAgain, Is.EqualTo(made));
            Assert.That(published.Lines("QB1101"), Has.One.Items);
            Assert.That(deployedByFailure, Is.False);
            Assert.That((loosened.Succeeded, loosened.Quantized, loosened.Reused), Is.EqualTo((true, 0, 1)), loosened.Output);
            Assert.That(File.Exists(project.Deployed) ? Convert.ToHexString(File.ReadAllBytes(project.Deployed)) : "", Is.EqualTo(made.Item2));
        }
    }

    [Test]
    public void MinSpeedup_ThatNoMachineReaches_FailsWithoutQuantizingAgain()
    {
        using var project = Project.Create(Project.DefaultItem);

        var without = project.Build();
        var failed = project.Build("-p:QuantBuildMinSpeedup=1000");
        var loosened = project.Build("-p:QuantBuildMinSpeedup=0.001");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(without.ExitCode, Is.Zero, without.Output);
            Assert.That(failed.Line("QB3005"), Does.Contain("times as fast as the float model").And.Contain("at least 1000 times asked for"), failed.Output);
            Assert.That((failed.Succeeded, failed.Quantized), Is.EqualTo((false, 0)), failed.Output);
            Assert.That((loosened.Succeeded, loosened.Quantized, loosened.Reused), Is.EqualTo((true, 0, 1)), loosened.Output);
        }
    }

    [Test]
    public void Limit_FromAPropertyOrADefinition_IsAGate()
    {
        using var project = Project.Create(Project.DefaultItem.Replace("MaxAccuracyDrop=\"0.5\"", "", StringComparison.Ordinal));

        var passed = project.Build("-p:QuantBuildMaxAccuracyDrop=0.5");
        var byProperty = project.Build("-p:QuantBuildMaxAccuracyDrop=-1");
        project.Replace("App.csproj", "<ItemGroup>", "<ItemDefinitionGroup><QuantizeModel><MaxAccuracyDrop>-2</MaxAccuracyDrop></QuantizeModel></ItemDefinitionGroup><ItemGroup>");
        var byDefinition = project.Build();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(passed.ExitCode, Is.Zero, passed.Output);
            Assert.That(byProperty.Line("QB3001"), Does.Contain("at most -1.0000 allowed"), byProperty.Output);
            Assert.That(byDefinition.Line("QB3001"), Does.Contain("at most -2.0000 allowed"), byDefinition.Output);
        }
    }
}
