using Microsoft.Build.Utilities;

namespace QuantBuild.Tasks.Tests;

internal sealed class ItemPositionTests
{
    private const string Project = """
        <Project Sdk="Microsoft.NET.Sdk">
          <ItemGroup>
            <QuantizeModel Include="first.onnx; models\second.onnx" />
            <QuantizeModel
                Include="nets/**/*.onnx" Format="Qdq" /><QuantizeModel Include="$(Nets)a?.onnx" />
            <QuantizeModel Update="second.onnx" />
            <QuantizeModel Include="$(Other)" />
          </ItemGroup>
        </Project>
        """;

    private string _file = "";

    [OneTimeSetUp]
    public void Write()
    {
        _file = Path.GetTempFileName();
        File.WriteAllText(_file, Project);
    }

    [OneTimeTearDown]
    public void Delete() => File.Delete(_file);

    [TestCase("first.onnx", 3, 5)]
    [TestCase("models/second.onnx", 3, 5, Description = "The other slash")]
    [TestCase("./FIRST.onnx", 3, 5)]
    [TestCase("nets/third.onnx", 4, 5, Description = "No folder for **")]
    [TestCase("nets/a/b/third.onnx", 4, 5)]
    [TestCase("nets/a/b/third.bin", 5, 49, Description = "Matched by nothing: the first that cannot be told")]
    public void Find_OfAnItem_IsTheElementThatNamesIt(string item, int line, int column)
    {
        var position = ItemPosition.Find(_file, new TaskItem(item));

        Assert.That((position.File, position.Line, position.Column), Is.EqualTo((_file, line, column)));
    }

    [TestCase("<Project />")]
    [TestCase("no project")]
    public void Find_InAFileWithoutItems_HasNoLine(string text)
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, text);

        var position = ItemPosition.Find(file, new TaskItem("a.onnx"));
        File.Delete(file);

        Assert.That((position.File, position.Line, position.Column), Is.EqualTo((file, 0, 0)));
    }

    [Test]
    public void Find_InAFileThatIsGone_HasNoLine() =>
        Assert.That(ItemPosition.Find("/nowhere/App.csproj", new TaskItem("a.onnx")).Line, Is.Zero);
}
