using System.Text;
using System.Text.Json;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Reporting.Tests;

internal sealed class ReportJsonTests
{
    private static readonly string[] TopLevel =
    [
        "schemaVersion", "model", "settings", "environment", "size", "accuracy", "latency", "audit", "pruning", "search", "analysis", "gates", "operators", "tensors",
        "inputs", "saturation", "stages", "peakMemoryBytes", "diagnostics",
    ];

    [TestCase("", "schemaVersion,model,settings,environment,size,accuracy,latency,audit,pruning,search,analysis,gates,operators,tensors,inputs,saturation,stages,peakMemoryBytes,diagnostics")]
    [TestCase("environment", "cpu,instructionSets,onnxRuntime,threads")]
    [TestCase("size", "floatBytes,quantizedBytes")]
    [TestCase("accuracy", "metric,float,quantized,drop,samples,source,standardError,sufficientAgreement,byMachine")]
    [TestCase("latency", "floatMs,preparedFloatMs,quantizedMs,speedup,interval,preparedSpeedup,preparedInterval,threads")]
    [TestCase("latency/threads", "threads,floatMs,preparedFloatMs,quantizedMs,speedup,interval,preparedSpeedup,preparedInterval")]
    [TestCase("audit", "kernels,quantize,dequantize,leftOver,written")]
    [TestCase("audit/kernels", "QGemm,QLinearConv,Transpose")]
    [TestCase("audit/leftOver", "operator,kind,reason")]
    [TestCase("gates", "name,limit,value,passed")]
    [TestCase("operators", "name,type,decision,reason,sqnrDb,structure")]
    [TestCase("tensors", "name,min,max,scale,zeroPoint,method")]
    [TestCase("inputs", "name,type,scale,zeroPoint,channels")]
    [TestCase("saturation", "name,type,pairs,saturatingPairs,changedSums")]
    [TestCase("stages", "name,seconds,metric")]
    [TestCase("diagnostics", "code,severity,message,helpLink")]
    public void Write_Any_HasTheContractsNamesInOrder(string section, string names)
    {
        using var document = JsonDocument.Parse(ReportJson.Write(Reports.Failed));
        var element = section.Split('/', StringSplitOptions.RemoveEmptyEntries).Aggregate(document.RootElement, (parent, name) => parent.GetProperty(name));

        var found = (element.ValueKind == JsonValueKind.Array ? element[0] : element).EnumerateObject().Select(property => property.Name);

        Assert.That(string.Join(',', found), Is.EqualTo(names));
    }

    [Test]
    public void Write_NothingMeasured_KeepsEveryName()
    {
        using var document = JsonDocument.Parse(ReportJson.Write(Reports.Bare));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(document.RootElement.EnumerateObject().Select(property => property.Name), Is.EqualTo(TopLevel));
            Assert.That(document.RootElement.GetProperty("accuracy").ValueKind, Is.EqualTo(JsonValueKind.Null));
        }
    }

    [Test]
    public void Write_Values_AreWrittenAsTheyAre()
    {
        var json = Encoding.UTF8.GetString(ReportJson.Write(Reports.Failed));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(json, Does.Contain("\"drop\": 0.0233,").And.Contain("\"decision\": \"int8\"").And.Contain("\"source\": \"evaluationData\""));
            Assert.That(json, Does.Contain("\"reason\": \"mixes boxes with scores <of other ranges>\""));
            Assert.That(json, Does.Contain("\"kind\": \"unfusedUnit\""));
            Assert.That(json, Does.Contain("\"code\": \"QB3001\",\n      \"severity\": \"error\""));
            Assert.That(json, Does.EndWith("}\n").And.Not.Contain("\r"));
        }
    }

    [Test]
    public void Read_WhatWasWritten_GivesTheSameReport([ValueSource(nameof(Samples))] QuantizationReport report)
    {
        var json = ReportJson.Write(report);

        var read = ReportJson.Read(json);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(read, Is.Not.Null);
            Assert.That(ReportJson.Write(read!), Is.EqualTo(json));
            Assert.That(read!.Accuracy?.Drop, Is.EqualTo(report.Accuracy?.Drop));
            Assert.That(read.Operators.Select(row => (row.Name, row.Decision, row.SqnrDb)), Is.EqualTo(report.Operators.Select(row => (row.Name, row.Decision, row.SqnrDb))));
            Assert.That(read.Diagnostics, Is.EqualTo(report.Diagnostics));
            Assert.That(read.Settings, Is.EqualTo(report.Settings));
        }
    }

    [Test]
    public void Write_NumbersThatAreNotFinite_AreNull([Values(double.NaN, double.PositiveInfinity, double.NegativeInfinity)] double value)
    {
        var report = Reports.Passed with
        {
            Accuracy = new("top1", value, 0.5, value, 3) { Source = AccuracySource.CalibrationData },
            Latency = new(1, 1, 0, value, [value, 1]),
            Operators = [new("conv1", "Conv", OperatorDecision.Int8, "", value)],
            Tensors = [new("x", value, value, 1, 0, "MinMax")],
        };

        using var document = JsonDocument.Parse(ReportJson.Write(report));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(document.RootElement.GetProperty("accuracy").GetProperty("float").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(document.RootElement.GetProperty("latency").GetProperty("interval")[0].ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(document.RootElement.GetProperty("operators")[0].GetProperty("sqnrDb").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(ReportJson.Read(ReportJson.Write(report))!.Accuracy!.Float, Is.NaN);
        }
    }

    [TestCase("")]
    [TestCase("{}")]
    [TestCase("null")]
    [TestCase("not json")]
    [TestCase("{\"schemaVersion\": 1, \"model\": \"m.onnx\"}")]
    public void Read_SomethingElse_IsNull(string text) => Assert.That(ReportJson.Read(Encoding.UTF8.GetBytes(text)), Is.Null);

    [TestCase("\"schemaVersion\": 1", "\"schemaVersion\": 2")]
    [TestCase("QB3001", "QB9999")]
    [TestCase("0.0233", "\"much\"")]
    [TestCase("\"threads\": 2", "\"threads\": 2.5")]
    [TestCase("\"int8\"", "\"int4\"")]
    public void Read_ReportOfAnotherMaking_IsNull(string ours, string theirs)
    {
        var json = Encoding.UTF8.GetString(ReportJson.Write(Reports.Failed));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(json, Does.Contain(ours));
            Assert.That(ReportJson.Read(Encoding.UTF8.GetBytes(json.Replace(ours, theirs, StringComparison.Ordinal))), Is.Null);
        }
    }

    [Test]
    public void Read_Diagnostic_TakesSeverityFromTheTable()
    {
        var read = ReportJson.Read(ReportJson.Write(Reports.Failed));

        Assert.That(read!.Diagnostics[0].Code, Is.SameAs(DiagnosticCodes.AccuracyGateFailed));
    }

    private static IEnumerable<QuantizationReport> Samples() => [Reports.Passed, Reports.Failed, Reports.Bare];
}
