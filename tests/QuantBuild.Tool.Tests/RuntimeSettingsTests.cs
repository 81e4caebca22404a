using System.Text.Json;

namespace QuantBuild.Tool.Tests;

/// <summary>
/// How the runtime is to compile the tool: without these it compiles in the background while latency is measured, which takes a core from the models and is seen in nothing but wider
/// intervals. They are read where a package has them, beside the tool.
/// </summary>
internal sealed class RuntimeSettingsTests
{
    [TestCase("System.Runtime.TieredPGO", "false")]
    [TestCase("System.Runtime.TieredCompilation.QuickJitForLoops", "false")]
    [TestCase("System.Runtime.TieredCompilation.CallCountingDelayMs", "0")]
    [TestCase("System.Runtime.TieredCompilation.CallCountThreshold", "100")]
    public void RuntimeConfiguration_OfTheTool_HasTheSetting(string name, string expected)
    {
        using var configuration = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "quantbuild.runtimeconfig.json")));

        var properties = configuration.RootElement.GetProperty("runtimeOptions").GetProperty("configProperties");

        Assert.That(properties.GetProperty(name).GetRawText(), Is.EqualTo(expected));
    }
}
