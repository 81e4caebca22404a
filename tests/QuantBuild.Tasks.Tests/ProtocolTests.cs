using System.Text;
using System.Text.Json;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Tool.Worker;

namespace QuantBuild.Tasks.Tests;

/// <summary>Task and worker have no type in common: what one writes, the other has to read.</summary>
internal sealed class ProtocolTests
{
    [Test]
    public void Request_OfTheTask_IsReadByTheWorker()
    {
        var metadata = new Dictionary<string, string> { ["CalibrationData"] = "data/\"é日\"\n/**/*.png", ["Link"] = "" };
        var model = new WorkerModel("models/é.onnx", "/a b/é/obj/é.onnx", metadata);
        var line = new WorkerRequest("PassThrough", "/a b/é", 3, [model], [model, new WorkerModel("upToDate.onnx", "/o.onnx", [])]).ToLine();

        var read = JsonSerializer.Deserialize(line, WorkerJsonContext.Default.WorkerRequest)!;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Encoding.UTF8.GetString(line).Count(letter => letter == '\n'), Is.EqualTo(1));
            Assert.That((read.IsPassThrough, read.ProjectDirectory, read.Threads), Is.EqualTo((true, "/a b/é", 3)));
            Assert.That((read.Models[0].Source, read.Models[0].Output), Is.EqualTo(("models/é.onnx", "/a b/é/obj/é.onnx")));
            Assert.That(read.Models[0].Metadata, Is.EquivalentTo(metadata));
            Assert.That(read.All.Select(item => item.Source), Is.EqualTo(["models/é.onnx", "upToDate.onnx"]));
        }
    }

    [Test]
    public void Messages_OfTheWorker_AreReadByTheTask()
    {
        using var output = new MemoryStream();
        using var cancellation = new CancellationTokenSource();
        var channel = new ModelChannel(new WorkerChannel(output, cancellation), 2);
        channel.Say(new(DiagnosticCodes.DataOverlap, "one\r\n two \"é\""));
        channel.Report(new Quantization.QuantizationProgress("Calibrating", 3, 200));
        channel.Input("/a/é.png");
        channel.Result(passed: true, "done");

        var messages = Encoding.UTF8.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => WorkerMessage.Parse(line)!).ToArray();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(messages.Select(message => message.Type), Is.EqualTo(["diagnostic", "progress", "input", "result"]));
            Assert.That(messages.Select(message => message.Model), Is.All.EqualTo(2));
            Assert.That((messages[0].Code, messages[0].Severity, messages[0].Text), Is.EqualTo(("QB2030", "warning", "one two \"é\"")));
            Assert.That((messages[1].Text, messages[1].Done, messages[1].Total), Is.EqualTo(("Calibrating", 3, 200)));
            Assert.That(messages[2].Path, Is.EqualTo("/a/é.png"));
            Assert.That((messages[3].Passed, messages[3].Text), Is.EqualTo((true, "done")));
        }
    }

    [TestCase("")]
    [TestCase("a native library's warning")]
    [TestCase("{ \"type\": ")]
    public void Line_ThatIsNoMessage_IsNull(string line) => Assert.That(WorkerMessage.Parse(line), Is.Null);

    [TestCaseSource(typeof(DiagnosticCodes), nameof(DiagnosticCodes.All))]
    public void HelpLink_OfTheTask_IsTheWorkers(DiagnosticCode code) => Assert.That(DiagnosticPage.Of(code.Id), Is.EqualTo(code.HelpLink));
}
