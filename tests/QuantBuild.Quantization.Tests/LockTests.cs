using System.Globalization;
using System.Text;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Locks;
using QuantBuild.Quantization.Saturation;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests;

/// <summary>A lock file is written, followed, and refused where it does not fit.</summary>
internal sealed class LockTests
{
    private string _folder = "";

    private string LockPath => Path.Combine(_folder, "tiny.quantbuild.json");

    [SetUp]
    public void CreateFiles()
    {
        _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;
        var tiny = new TinyModels();
        OnnxFile.Write(
            GraphText.Parse(
                """
                opset 13
                graph g(x: float[1, 4]) -> (y: float) {
                  w: float[4, 4] = [1, 2, 3, 4, -1, -2, -3, -4, 5, 1, 5, 1, 2, 2, -2, -2]
                  m = MatMul(x, w)
                  r = Relu(m)
                  y = MatMul(r, w)
                }
                """),
            Path.Combine(_folder, "tiny.onnx"));
        for (var index = 0; index < 12; index++)
        {
            NpyFile.Write(Path.Combine(_folder, index.ToString("d2", CultureInfo.InvariantCulture) + ".npy"), tiny.Random([1, 4]));
        }
    }

    [TearDown]
    public void DeleteFiles() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void UpdateLock_GivesALock_ThatTheNextQuantizationFollowsToTheByte()
    {
        var first = Quantize(Settings with { UpdateLock = true });
        File.WriteAllBytes(LockPath, first.Lock!.Value.ToArray());

        var second = Quantize(Settings);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(second.Model.ToArray(), Is.EqualTo(first.Model.ToArray()));
            Assert.That(second.Lock, Is.Null, "a lock is written where one is asked for, and nowhere else");
        }
    }

    /// <summary>A search keeps the errors of units from one candidate to the next: a few biases of this model came out otherwise than in a build that follows the lock.</summary>
    [Test]
    public void UpdateLock_AfterASearch_GivesALock_ThatIsFollowedToTheByte()
    {
        File.Copy(SharedData.Require("cifar10/cifar_resnet20.onnx"), Path.Combine(_folder, "tiny.onnx"), overwrite: true);
        var settings = new QuantizationSettings
        {
            CalibrationData = [SharedData.Require("cifar10/calib.csv")],
            EvaluationData = [SharedData.Require("cifar10/eval.csv")],
            Preprocessing = new() { Mean = [0.485f, 0.456f, 0.406f], Std = [0.229f, 0.224f, 0.225f] },
            Metric = "agreement",
            MinAgreement = 0.994,
        };
        var first = Quantize(settings with { UpdateLock = true });
        File.WriteAllBytes(LockPath, first.Lock!.Value.ToArray());

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.Report.Search?.Evaluations, Is.GreaterThan(1));
            Assert.That(Quantize(settings).Model.Span.SequenceEqual(first.Model.Span), Is.True);
        }
    }

    [Test]
    public void Lock_DecidesWhatBecomesInt8()
    {
        File.WriteAllBytes(LockPath, Quantize(Settings with { UpdateLock = true }).Lock!.Value.ToArray());
        File.WriteAllText(LockPath, File.ReadAllText(LockPath).Replace("\"y\": \"static\"", "", StringComparison.Ordinal).Replace("\"m\": \"static\",", "\"m\": \"static\"", StringComparison.Ordinal));

        var operators = Quantize(Settings).Report.Operators.Where(row => row.Type == "MatMul").ToArray();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(operators.Select(row => row.Decision.ToString()), Is.EqualTo(new[] { "Int8", "Float" }));
            Assert.That(operators[1].Reason, Does.Contain("lock file"));
        }
    }

    [Test]
    public void LockOfAnotherModel_OtherSettingsOrUnknownOperator_IsRefusedWithTheWayOut()
    {
        var content = Encoding.UTF8.GetString(Quantize(Settings with { UpdateLock = true }).Lock!.Value.Span);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Refused(content, Settings with { Target = TargetName.Arm64 }), Does.Contain("'U8'").And.Contain("'S8' now"));
            Assert.That(Refused(content.Replace("\"model\": \"", "\"model\": \"0", StringComparison.Ordinal), Settings), Does.Contain("the model has changed"));
            Assert.That(Refused(content.Replace("\"m\"", "\"n\"", StringComparison.Ordinal), Settings), Does.Contain("operator 'n' is not in the model, or cannot be static"));
        }
    }

    /// <summary>Blocks need a later opset: "the model has changed" was said of one that had not.</summary>
    [TestCase(ModelFormat.WeightOnly)]
    [TestCase(ModelFormat.Auto)]
    public void LockOfBlocks_AndOneOfOtherGranularity_AreNotTakenForEachOther(ModelFormat format)
    {
        var others = Settings with { Format = format };
        var blocks = others with { WeightGranularity = WeightGranularity.PerBlock, BlockSize = 16 };

        var ofOthers = Refused(Encoding.UTF8.GetString(Quantize(others with { UpdateLock = true }).Lock!.Value.Span), blocks);
        var ofBlocks = Refused(Encoding.UTF8.GetString(Quantize(blocks with { UpdateLock = true }).Lock!.Value.Span), others);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(ofOthers, Does.Contain(": it was made with weightGranularity 'PerTensor or PerChannel', and that is 'PerBlock' now."));
            Assert.That(ofBlocks, Does.Contain(": it was made with weightGranularity 'PerBlock', and that is 'PerTensor or PerChannel' now."));
        }
    }

    [Test]
    public void LockOfBlocks_AndOneOfAScaleAChannel_AreFollowedWhereTheyFit()
    {
        var blocks = Settings with { Format = ModelFormat.WeightOnly, WeightGranularity = WeightGranularity.PerBlock };
        File.WriteAllBytes(LockPath, Quantize(blocks with { UpdateLock = true }).Lock!.Value.ToArray());
        Assert.That(() => Quantize(blocks), Throws.Nothing);

        File.WriteAllBytes(LockPath, Quantize(Settings with { UpdateLock = true }).Lock!.Value.ToArray());
        Assert.That(() => Quantize(Settings with { WeightGranularity = WeightGranularity.PerTensor }), Throws.Nothing);
    }

    [Test]
    public void FormThatThereIsNot_IsNamedWithThoseThatThereAre()
    {
        File.WriteAllText(LockPath, "{ \"schemaVersion\": 1, \"model\": \"\", \"chosenBy\": \"\", \"settings\": {}, \"operators\": {\n \"m\": \"statik\" } }");

        Assert.That(() => Quantize(Settings), Throws.TypeOf<QuantBuildException>().With.Message.Contains(
            "the lock file cannot be read: line 2: $.operators.m should be one of static, dynamic, weightOnly."));
    }

    [TestCase("", "it is empty")]
    [TestCase(" \n\n", "it is empty")]
    [TestCase("{", "line 1: this is not valid JSON")]
    [TestCase("{\n\"model\": \"\",\n<<<<<<< HEAD\n", "line 3: this is not valid JSON")]
    [TestCase("{ \"schemaVersion\": 1, \"model\": \"\", \"chosenBy\": \"\", \"settings\": {}, \"operators\": {} }\n}", "line 2: this is not valid JSON")]
    [TestCase("{ \"schemaVersion\": 1, \"model\": \"\", \"chosenBy\": \"\", \"settings\": {}, \"operators\": {} } 1", "line 1: this is not valid JSON")]
    [TestCase("null", "it holds no JSON object")]
    [TestCase("[]", "it holds no JSON object")]
    [TestCase("{ \"schemaVersion\": 1, \"model\": null, \"chosenBy\": \"\", \"settings\": {}, \"operators\": {} }", "'model' is missing")]
    [TestCase("{ \"schemaVersion\": 1, \"model\": \"\", \"chosenBy\": \"\", \"settings\": null, \"operators\": {} }", "'settings' is missing")]
    [TestCase("{ \"schemaVersion\": 1, \"model\": \"\", \"chosenBy\": \"\", \"settings\": {} }", "'operators' is missing")]
    [TestCase("{ \"schemaVersion\": 2, \"model\": \"\", \"chosenBy\": \"\", \"settings\": {}, \"operators\": {}, \"more\": [] }", "its schemaVersion is 2, and this version of QuantBuild reads 1")]
    [TestCase("{ \"schemaVersion\": \"1\", \"model\": \"\", \"chosenBy\": \"\", \"settings\": {}, \"operators\": {} }", "line 1: $.schemaVersion should be another kind of value")]
    [TestCase("{ \"schemaVersion\": 1, \"model\": \"\", \"chosenBy\": \"\", \"settings\": {}, \"operators\": {}, \"more\": 1 }", "'more' is not known")]
    [TestCase("{ \"schemaVersion\": 1, \"model\": \n3, \"chosenBy\": \"\", \"settings\": {}, \"operators\": {} }", "line 2: $.model should be another kind of value")]
    [TestCase("{ \"schemaVersion\": 1, \"model\": \"\", \"chosenBy\": \"\", \"settings\": {}, \"operators\": [] }", "line 1: $.operators should be another kind of value")]
    [TestCase("{ \"schemaVersion\": 1, \"model\": \"\", \"chosenBy\": \"\", \"settings\": {}, \"operators\": { \"m\": \"fast\" } }", "line 1: $.operators.m should be one of static, dynamic, weightOnly")]
    [TestCase("{ \"schemaVersion\": 1, \"model\": \"\", \"chosenBy\": \"\", \"settings\": {}, \"operators\": { \"/m.n\": 1 } }", "line 1: $.operators['/m.n'] should be one of static, dynamic, weightOnly")]
    public void FileThatIsNoLock_IsACodedErrorInPlainWords(string content, string reason)
    {
        File.WriteAllText(LockPath, content);

        Assert.That(() => ModelLock.Read(LockPath), Throws.TypeOf<QuantBuildException>().With.Property("Code").EqualTo(DiagnosticCodes.InvalidLock)
            .And.Message.EqualTo($"{LockPath}: the lock file cannot be read: {reason}. Renew it with 'quantbuild tune' or UpdateLock=true, or delete it."));
    }

    [Test]
    public void ByteOrderMark_OfAnEditor_IsNoFault()
    {
        byte[] content = [.. Quantize(Settings with { UpdateLock = true }).Lock!.Value.Span];
        File.WriteAllBytes(LockPath, [.. Encoding.UTF8.Preamble, .. content]);

        Assert.That(ModelLock.Read(LockPath).ToBytes(), Is.EqualTo(content));
    }

    [TestCase(ModelFormat.Qdq)]
    [TestCase(ModelFormat.Auto)]
    public void Tune_GivesALockThatFits(ModelFormat format)
    {
        var settings = Settings with { Format = format, Target = Processor.IsX64 ? TargetName.X64 : TargetName.Arm64 };
        var result = ModelTuner.Tune(Request(settings), null, CancellationToken.None);
        File.WriteAllBytes(LockPath, result.Lock.ToArray());

        var report = Quantize(settings).Report;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Trials.Select(trial => trial.Name), Has.Some.EqualTo("Format=Qdq"));
            Assert.That(
                report.Operators.Count(row => row.Decision != Reports.OperatorDecision.Float && row.Type == "MatMul"),
                Is.EqualTo(ModelLock.Read(LockPath).Operators.Count));
        }
    }

    [TestCase(TargetName.X64)]
    [TestCase(TargetName.Vnni)]
    [TestCase(TargetName.Arm64)]
    [TestCase(TargetName.Portable)]
    public void Tune_ForATargetThatThisMachineIsNot_IsRefusedWithTheWayOut(TargetName target)
    {
        Assume.That(target switch
        {
            TargetName.X64 => !Processor.IsX64,
            TargetName.Vnni => !Processor.IsX64 || Processor.Saturates,
            TargetName.Arm64 => Processor.IsX64,
            _ => true,
        });

        Assert.That(
            () => ModelTuner.Tune(Request(Settings with { Target = target }), null, CancellationToken.None),
            Throws.TypeOf<QuantBuildException>().With.Property("Code").EqualTo(DiagnosticCodes.InvalidCombination)
                .And.Message.Contains($"Target={target} is for other machines than this one").And.Message.Contains("UpdateLock=true"));
    }

    private static QuantizationSettings Settings => new() { CalibrationData = ["*.npy"], Format = ModelFormat.Qdq };

    private string Refused(string content, QuantizationSettings settings)
    {
        File.WriteAllText(LockPath, content);
        var exception = Assert.Throws<QuantBuildException>(() => Quantize(settings));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(exception.Code, Is.EqualTo(DiagnosticCodes.LockDoesNotFit));
            Assert.That(exception.Message, Does.Contain("tiny.quantbuild.json").And.Contain("UpdateLock=true"));
        }
        return exception.Message;
    }

    private QuantizationRequest Request(QuantizationSettings settings) => new(Path.Combine(_folder, "tiny.onnx"), _folder, settings, 2);

    private QuantizationResult Quantize(QuantizationSettings settings) => ModelQuantizer.Quantize(Request(settings), null, CancellationToken.None);
}
