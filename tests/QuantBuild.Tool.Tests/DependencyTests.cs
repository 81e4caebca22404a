using System.Reflection;
using System.Xml.Linq;

namespace QuantBuild.Tool.Tests;

/// <summary>Tasks → (process) Tool → Reporting → Quantization → Data → Onnx, and never the other way.</summary>
internal sealed class DependencyTests
{
    private static readonly string[] Arrow = ["QuantBuild.Onnx", "QuantBuild.Data", "QuantBuild.Quantization", "QuantBuild.Reporting", "quantbuild"];

    [Test]
    public void Assembly_References_PointDownTheArrow([Range(0, 4)] int position)
    {
        var ours = References(Arrow[position]).Where(name => name.StartsWith("quantbuild", StringComparison.OrdinalIgnoreCase));

        Assert.That(ours, Is.SubsetOf(Arrow[..position]));
    }

    [TestCase("QuantBuild.Onnx", "Google.Protobuf")]
    [TestCase("QuantBuild.Data", "StbImageSharp", "System.IO.Hashing", "Microsoft.Extensions.FileSystemGlobbing")]
    [TestCase("QuantBuild.Quantization", "Microsoft.ML.OnnxRuntime", "System.Numerics.Tensors")]
    [TestCase("QuantBuild.Reporting")]
    [TestCase("quantbuild", "System.CommandLine")]
    public void Assembly_PackagesThatItNames_AreItsOwn(string assembly, params string[] packages)
    {
        var foreign = References(assembly).Where(name => !IsFramework(name) && !name.StartsWith("QuantBuild.", StringComparison.Ordinal));

        Assert.That(foreign, Is.SubsetOf(packages));
    }

    /// <summary>The task runs inside MSBuild, where an assembly beside its own may be another version, or a lock on a file.</summary>
    [Test]
    public void Tasks_Project_ReferencesNothingThatItWouldLoad()
    {
        var project = XDocument.Load(Repository.File("src/QuantBuild.Tasks/QuantBuild.Tasks.csproj"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                project.Descendants("ProjectReference").Where(reference => (string?)reference.Attribute("ReferenceOutputAssembly") != "false"), Is.Empty);
            Assert.That(
                project.Descendants("PackageReference").Where(reference => (string?)reference.Attribute("ExcludeAssets") != "runtime").Select(reference => (string?)reference.Attribute("Include")),
                Is.Empty);
        }
    }

    private static IEnumerable<string> References(string assembly) =>
        Assembly.LoadFrom(Path.Combine(TestContext.CurrentContext.TestDirectory, assembly + ".dll")).GetReferencedAssemblies().Select(name => name.Name!);

    private static bool IsFramework(string name) =>
        name is "netstandard" || File.Exists(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, name + ".dll"));
}
