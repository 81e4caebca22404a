using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Planning.Structures;

/// <summary>
/// A mean whose result is the model's: it lies between the steps of what it is taken over, and close scores that are rounded to 8 bits again become equal.
/// </summary>
internal static class AveragedScores
{
    public static StructureMatch? Match(Node node, OperatorContext context) =>
        !IsMean(node) || !context.Profile.IsFloat(node.Output) || !StructureWalk.IsInHead(node.Output) ? null : new([], _ =>
            "its means are results of the model, which lie between the steps of what they are taken over: rounded again, close ones would become equal");

    private static bool IsMean(Node node) => node.Is("GlobalAveragePool") || node.Is("AveragePool") || node.Is("ReduceMean");
}
