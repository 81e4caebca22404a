namespace QuantBuild.Tool.Tests;

internal sealed class CommandLineTests
{
    [TestCase("", "No verb is given; the verbs are quantize, prune, evaluate, analyze, tune, calibrate, merge, inspect.")]
    [TestCase("quantise m.onnx", "There is no verb 'quantise' (the verbs are quantize, prune, evaluate, analyze, tune, calibrate, merge, inspect); did you mean 'quantize'?")]
    [TestCase("frobnicate", "There is no verb 'frobnicate' (the verbs are quantize, prune, evaluate, analyze, tune, calibrate, merge, inspect).")]
    [TestCase("--outptu m.onnx", "quantbuild has no option '--outptu'.")]
    [TestCase("quantize m.onnx --max-acuracy-drop 0.01", "'quantize' has no option '--max-acuracy-drop'; did you mean '--max-accuracy-drop'?")]
    [TestCase("quantize m.onnx --Output=x", "'quantize' has no option '--Output'; did you mean '--output'?")]
    [TestCase("quantize --zzzzzzz m.onnx", "'quantize' has no option '--zzzzzzz'.")]
    [TestCase("quantize m.onnx --metric --outptu x.onnx", "'quantize' has no option '--outptu'; did you mean '--output'?")]
    [TestCase("evaluate a.onnx b.onnx --calibration f.qcal", "'evaluate' has no option '--calibration'")]
    [TestCase("calibrate m.onnx --metric top1", "'calibrate' has no option '--metric'")]
    [TestCase("merge --output all.qcal", "FILES")]
    [TestCase("inspect m.onnx --output x.onnx", "'inspect' has no option '--output'")]
    [TestCase("evaluate a.onnx b.onnx --format Qdq", "'evaluate' has no option '--format'")]
    [TestCase("quantize m.onnx --calibration-data a.png b.png", "'b.png' is one word too many; put a pattern into quotes")]
    [TestCase("quantize --output x.onnx", "MODEL")]
    [TestCase("evaluate a.onnx --evaluation-data x", "QUANTIZED")]
    [TestCase("quantize m.onnx --output", "--output")]
    [TestCase("quantize m.onnx --metric top1 --metric mse", "--metric")]
    public async Task Run_LineNotUnderstood_IsQB1001(string line, string message)
    {
        var run = await ToolRun.OfAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(2));
            Assert.That(run.Output, Is.Empty);
            Assert.That(run.ErrorLines.Count(), Is.EqualTo(1), run.Error);
            Assert.That(run.Error, Does.StartWith("error QB1001: ").And.Contain(message));
            Assert.That(run.Error, Does.EndWith("(https://github.com/quantbuild/quantbuild/blob/main/docs/errors/QB1001.md)\n"));
        }
    }

    [TestCase("--help")]
    [TestCase("-h")]
    [TestCase("quantize --help --no-such-option")]
    [TestCase("evaluate -?")]
    [TestCase("--version")]
    public async Task Run_HelpOrVersion_GoesToStandardOutput(string line)
    {
        var run = await ToolRun.OfAsync(line.Split(' '));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.Zero);
            Assert.That(run.Output, Is.Not.Empty);
            Assert.That(run.Error, Is.Empty);
        }
    }

    [Test]
    public async Task Help_Root_DoesNotShowTheWorker()
    {
        var run = await ToolRun.OfAsync("--help");

        Assert.That(run.Output, Does.Contain("inspect").And.Not.Contain("worker"));
    }

    [TestCase("--threads", "0", "a whole number from 1 to 1024")]
    [TestCase("--threads", "two", "a whole number from 1 to 1024")]
    [TestCase("--threads", "99999999999", "a whole number from 1 to 1024")]
    [TestCase("--report", "report.txt", "a file that ends in .json, .html or .md")]
    [TestCase("--format", "Foo", "Qdq")]
    [TestCase("--max-accuracy-drop", "much", "a number such as 0.01")]
    [TestCase("--std", "0", "numbers other than 0")]
    [TestCase("--output", "", "the path of a file")]
    public async Task Run_ValueNotValid_IsQB1002WithValueAndWhatIsExpected(string option, string value, string expected)
    {
        using var folder = new TemporaryFolder();
        string[] output = option == "--output" ? [] : ["--output", folder.File("x.onnx")];

        var run = await ToolRun.OfAsync(["quantize", "m.onnx", .. output, option, value]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(2));
            Assert.That(run.Error, Does.StartWith("error QB1002: ").And.Contain($"'{value}'").And.Contain(expected));
            Assert.That(folder.Files, Is.Empty);
        }
    }

    [TestCase("quantize m.onnx", "'quantize' needs --output FILE")]
    [TestCase("evaluate a.onnx b.onnx", "'evaluate' needs --evaluation-data PATTERN")]
    [TestCase("calibrate m.onnx", "'calibrate' needs --output FILE")]
    [TestCase("calibrate m.onnx --output nowhere/f.qcal", "'calibrate' needs --calibration-data PATTERN")]
    [TestCase("merge part1.qcal", "'merge' needs --output FILE")]
    public async Task Run_NeededOptionMissing_IsQB1003(string line, string message)
    {
        var run = await ToolRun.OfAsync(line.Split(' '));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(2));
            Assert.That(run.Error, Does.StartWith("error QB1003: ").And.Contain(message));
        }
    }
}
