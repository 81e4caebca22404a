using System.Collections.Immutable;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Tool.Tests;

/// <summary>Reports as the engine would give them.</summary>
internal static class Reports
{
    public static QuantizationReport Passed { get; } = new()
    {
        Model = "models/digits.onnx",
        Settings = ImmutableSortedDictionary<string, string>.Empty,
        Environment = new("Example CPU", [], "1.31.1", 2),
        Size = new(1_048_576, 286_720),
        Accuracy = new("top1", 0.9945, 0.9917, 0.0028, 360) { Source = AccuracySource.EvaluationData },
        Latency = new(0.52, 0.41, 0.2, 2.6, [2.41, 2.78])
        {
            PreparedSpeedup = 2.05,
            PreparedInterval = [1.98, 2.2],
            Threads = [new(4, 0.22, 0.11, 0.1) { Speedup = 2.2, Interval = [2.1, 2.3], PreparedSpeedup = 1.1, PreparedInterval = [0.98, 1.2] }],
        },
        Audit = new(ImmutableSortedDictionary.CreateRange(StringComparer.Ordinal, new Dictionary<string, int> { ["QLinearConv"] = 3, ["QGemm"] = 1 }), 2, 1, []),
        Gates = [new("MaxAccuracyDrop", 0.01, 0.0028, true)],
        Operators =
        [
            new("conv1", "Conv", OperatorDecision.Int8, "", 24.31),
            new("conv2", "Conv", OperatorDecision.Int8, "", 18.2),
            new("conv3", "Conv", OperatorDecision.Int8, "", 30),
            new("pool", "GlobalAveragePool", OperatorDecision.Int8, "", 40.5),
            new("softmax", "Softmax", OperatorDecision.Float, "ONNX Runtime has no INT8 kernel for it", null),
            new("concat", "Concat", OperatorDecision.Float, "its inputs have ranges that differ so much that the smaller ones would be lost: boxes and scores", null),
        ],
        Diagnostics = [new(DiagnosticCodes.DataOverlap, "3 evaluation samples are calibration samples too")],
    };

    public static QuantizationReport Failed { get; } = Passed with
    {
        Accuracy = new("top1", 0.9945, 0.9712, 0.0233, 360) { Source = AccuracySource.EvaluationData },
        Gates = [new("MaxAccuracyDrop", 0.01, 0.0233, false)],
        Diagnostics = [new(DiagnosticCodes.AccuracyGateFailed, "models/digits.onnx: top1 fell from 0.9945 to 0.9712")],
    };
}
