using System.Diagnostics;
using System.Globalization;

namespace QuantBuild.Package.Tests;

/// <summary>The worker's end, foreseen and unforeseen.</summary>
[Platform(Include = "Linux", Reason = "Processes are found through /proc, and hosts are shell scripts")]
[System.Runtime.Versioning.SupportedOSPlatform("linux")]
internal sealed class WorkerLifeTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private Project _project = null!;

    [OneTimeSetUp]
    public void Build()
    {
        _project = Project.Create();
        Assert.That(_project.Build().ExitCode, Is.Zero);
    }

    [OneTimeTearDown]
    public void Delete() => _project.Dispose();

    [SetUp]
    public void MakeStale() => File.SetLastWriteTimeUtc(_project.Model, DateTime.UtcNow);

    [TestCase(137, "exit code 137", "QB9003")]
    [TestCase(150, "needs the .NET 10 runtime", "QB1102")]
    public void Worker_ThatEndsWithoutAnAnswer_IsExplained(int exitCode, string message, string code)
    {
        _project.Write("host.sh", $"#!/bin/sh\nread request\necho first line >&2\necho second line >&2\nexit {exitCode}\n");
        File.SetUnixFileMode(_project["host.sh"], UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);

        var result = _project.Build($"-p:_QuantBuildHost={_project["host.sh"]}");

        Assert.That(
            result.Line(code),
            Does.StartWith($"{_project["App.csproj"]}(6,5): error {code}: ").And.Contain(message).And.Contain("first line second line"), result.Output);
    }

    [Test]
    public void Host_ThatIsNotThere_AsksForTheRuntime()
    {
        var result = _project.BuildWithoutWorker();

        Assert.That(result.Line("QB1102"), Does.Contain("(6,5): error QB1102: "), result.Output);
    }

    [TestCase("INT")]
    [TestCase("TERM")]
    [TestCase("KILL")]
    public void Build_ThatIsInterrupted_LeavesNoWorker(string signal)
    {
        if (signal == "INT" && IgnoresInterrupts())
        {
            Assert.Ignore("The tests were started with SIGINT ignored, as by nohup or in the background of a script, and so is every build that they start.");
        }

        // The worker waits for the store as long as another one holds it
        var store = Directory.GetFiles(_project["obj/quantbuild"], "lock", SearchOption.AllDirectories).Single();
        using var held = new FileStream(store, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        using var build = DotNet.Start(_project.Folder, "build", "--no-restore");
        Assert.That(() => Workers(), Is.Not.Empty.After((int)Patience.TotalMilliseconds, 100));

        using (var kill = Process.Start("kill", [$"-{signal}", $"{build.Id}"]))
        {
            kill.WaitForExit();
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(() => Workers(), Is.Empty.After((int)Patience.TotalMilliseconds, 100));
            Assert.That(build.WaitForExit(Patience), Is.True);
            Assert.That(Directory.GetFiles(_project["obj/quantbuild"], "passed.stamp", SearchOption.AllDirectories), Is.Empty);
        }
    }

    /// <summary>What a process ignores, those that it starts ignore, too: .NET installs no handler for it.</summary>
    private static bool IgnoresInterrupts()
    {
        const int Interrupt = 2;
        const string Label = "SigIgn:";
        var ignored = File.ReadLines("/proc/self/status").Single(line => line.StartsWith(Label, StringComparison.Ordinal));
        return (ulong.Parse(ignored.AsSpan(Label.Length), NumberStyles.AllowHexSpecifier | NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture) >> (Interrupt - 1) & 1) != 0;
    }

    private static string[] Workers() =>
    [
        .. Directory.EnumerateDirectories("/proc").Where(folder => int.TryParse(Path.GetFileName(folder), out _)).Select(CommandLine)
            .Where(line => line.Contains(PackageFeed.Cache, StringComparison.Ordinal) && line.Contains("quantbuild.dll", StringComparison.Ordinal)),
    ];

    private static string CommandLine(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "cmdline"));
        }
        catch (IOException)
        {
            return "";
        }
    }
}
