using System.Collections.Immutable;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Reporting.Tests;

/// <summary>Reports as the engine would give them.</summary>
internal static class Reports
{
    public static QuantizationReport Passed { get; } = new()
    {
        Model = "models/digits.onnx",
        Settings = ImmutableSortedDictionary.CreateRange(StringComparer.Ordinal, new Dictionary<string, string>
        {
            ["MaxAccuracyDrop"] = "0.01",
            ["CalibrationData"] = "data/calibration/**/*.png",
            ["CalibrationMethod"] = "MinMax",
        }),
        Environment = new("Example CPU @ 2.10GHz", ["Avx2", "Avx512Vnni"], "1.31.1", 2),
        Size = new(1_048_576, 286_720),
        Accuracy = new("top1", 0.9945, 0.9917, 0.0028, 360)
        {
            Source = AccuracySource.EvaluationData,
            ByMachine = ImmutableSortedDictionary<string, MachineAccuracy>.Empty
                .Add("x64 with VNNI", new(0.9917, 0.0028, false, true)).Add("x64 without VNNI", new(0.99, 0.0045, true, true)),
        },
        Latency = new(0.52, 0.41, 0.2, 2.6, [2.41, 2.78])
        {
            PreparedSpeedup = 2.05,
            PreparedInterval = [1.98, 2.2],
            Threads =
            [
                new(1, 0.52, 0.41, 0.2) { Speedup = 2.6, Interval = [2.41, 2.78], PreparedSpeedup = 2.05, PreparedInterval = [1.98, 2.2] },
                new(4, 0.22, 0.11, 0.1) { Speedup = 2.2, Interval = [2.1, 2.3], PreparedSpeedup = 1.1, PreparedInterval = [0.98, 1.2] },
            ],
        },
        Audit = new(ImmutableSortedDictionary.CreateRange(StringComparer.Ordinal, new Dictionary<string, int> { ["QLinearConv"] = 2, ["QGemm"] = 1, ["Transpose"] = 2 }), 2, 1, []) { Written = 14 },
        Gates = [new("MaxAccuracyDrop", 0.01, 0.0028, true)],
        Operators =
        [
            new("conv1", "Conv", OperatorDecision.Int8, "", 24.31),
            new("conv2", "Conv", OperatorDecision.Int8, "", 18.2),
            new("pool", "GlobalAveragePool", OperatorDecision.Int8, "", 40.5),
            new("softmax1", "Softmax", OperatorDecision.Float, "ONNX Runtime has no INT8 kernel for it", null),
            new("softmax2", "Softmax", OperatorDecision.Float, "ONNX Runtime has no INT8 kernel for it", null),
            new("head|concat", "Concat", OperatorDecision.Float, "mixes boxes with scores <of other ranges>", null),
        ],
        Tensors = [new("input", 0, 1, 1 / 255d, 0, "MinMax")],
        Inputs = [new("input", "UInt8", 1 / 255d, 0)],
        Saturation = [new("conv1", "QLinearConv", 1280, 137, 0.54)],
        Stages = [new("Calibrating", 1.25), new("Evaluating", 0.5, 0.9917)],
        PeakMemoryBytes = 123_456_789,
    };

    public static QuantizationReport Failed { get; } = Passed with
    {
        Accuracy = new("top1", 0.9945, 0.9712, 0.0233, 360) { Source = AccuracySource.EvaluationData },
        Gates = [new("MaxAccuracyDrop", 0.01, 0.0233, false)],
        Audit = Passed.Audit! with { LeftOver = [new("head|conv", LeftOverKind.UnfusedUnit, "its output is <read> in float"), new("fc", LeftOverKind.Weights, "64 of its constants become float again at every run")] },
        Diagnostics =
        [
            new(DiagnosticCodes.AccuracyGateFailed, "models/digits.onnx: top1 fell from 0.9945 to 0.9712 (drop 0.0233, at most 0.01 allowed)"),
            new(DiagnosticCodes.DataOverlap, "3 evaluation samples are calibration samples too"),
        ],
    };

    /// <summary>A float model that channels were taken out of.</summary>
    public static QuantizationReport Pruned { get; } = Passed with
    {
        Audit = null,
        Operators = [new("conv1", "Conv", OperatorDecision.Float, "the model is pruned alone", null)],
        Tensors = [],
        Inputs = [],
        Saturation = [],
        Pruning = new(1, 4, 1) { ParametersBefore = 4, Parameters = 3, Zeros = 0, Groups = [new("conv1", 4, 1, null)] },
    };

    /// <summary>No data, nothing measured.</summary>
    public static QuantizationReport Bare { get; } = new()
    {
        Model = "m.onnx",
        Settings = ImmutableSortedDictionary<string, string>.Empty,
        Environment = new("", [], "", 1),
        Size = new(100, 100),
    };
}
