using System.Diagnostics;

namespace QuantBuild.Package.Tests;

/// <summary>The dotnet command as a user's shell would run it, without what `dotnet test` put into the environment.</summary>
internal static class DotNet
{
    public static BuildResult Run(string directory, params IEnumerable<string> arguments)
    {
        using var process = Start(directory, arguments);
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd() + errors.Result;
        process.WaitForExit();
        return new BuildResult(process.ExitCode, output);
    }

    public static Process Start(string directory, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet", arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in start.Environment.Keys.Where(IsOfTheTestRun).ToArray())
        {
            start.Environment.Remove(name);
        }

        if (directory.StartsWith(PackageFeed.Projects, StringComparison.Ordinal))
        {
            start.Environment["NUGET_PACKAGES"] = PackageFeed.Cache;
        }

        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["MSBUILDTERMINALLOGGER"] = "off";
        return Process.Start(start)!;
    }

    private static bool IsOfTheTestRun(string variable) =>
        variable.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) || variable.StartsWith("VSTEST", StringComparison.OrdinalIgnoreCase)
        || variable is "DOTNET_HOST_PATH" or "NUGET_PACKAGES";
}
