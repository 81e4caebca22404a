using QuantBuild.Quantization.Settings;
using static QuantBuild.Quantization.Settings.ModelFormat;
using static QuantBuild.Quantization.Settings.QuantizedType;

namespace QuantBuild.Quantization.Tests.Generated;

/// <summary>Every format with every pair of types that it has kernels for.</summary>
internal static class GeneratedForms
{
    public static IEnumerable<GeneratedForm> All =>
    [
        Form(Qdq, U8, S8, [.. LayerCases.All, .. StructureCases.All]),
        Form(Qdq, S8, S8, [.. Some, .. StructureCases.Between, .. StructureCases.BehindActivations]),
        Form(Qdq, U8, U8, Some),
        Form(Qdq, U16, S8, Some) with { FewerDb = -4 },
        Form(Qdq, S16, S16, Some) with { FewerDb = -30 },
        Form(QOperator, U8, S8, [.. Some, .. LayerCases.MatMuls, .. StructureCases.All]),
        Form(QOperator, U8, U8, Some),
        Portable([.. Some, .. StructureCases.Between, .. StructureCases.Portable]),
        Form(Dynamic, U8, S8, [.. Some, .. LayerCases.MatMuls, .. StructureCases.Graphs, .. StructureCases.Inputs, .. LayerCases.Recurrent]) with { MoreSteps = 1 },
        Form(Dynamic, U8, U8, [.. Some, .. LayerCases.Recurrent]) with { MoreSteps = 1 },
        Form(WeightOnly, U8, S8, [.. Some, .. LayerCases.MatMuls, .. StructureCases.Graphs, .. StructureCases.Inputs]) with { MoreSteps = 2 },
        Form(WeightOnly, U8, U8, Some) with { MoreSteps = 2 },
        Form(WeightOnly, U8, S4, [.. LayerCases.Blocks, .. StructureCases.Inputs]) with { MoreSteps = 2, FewerDb = 8 },
        Form(WeightOnly, U8, U4, LayerCases.Blocks) with { MoreSteps = 2, FewerDb = 8 },
    ];

    /// <summary>Five has no divisor in common with the numbers of choices of an attribute: every choice comes up.</summary>
    private static IEnumerable<GeneratedCase> Some => LayerCases.All.Where((_, index) => index % 5 == 0);

    private static GeneratedForm Form(ModelFormat format, QuantizedType activations, QuantizedType weights, IEnumerable<GeneratedCase> cases) =>
        new($"{format} {activations} x {weights}", new() { Format = format, ActivationType = activations, WeightType = weights }, cases);

    private static GeneratedForm Portable(IEnumerable<GeneratedCase> cases) =>
        new("QOperator for Portable", new() { Format = QOperator, Target = TargetName.Portable }, cases) { MoreSteps = 1, FewerDb = 2 };
}
