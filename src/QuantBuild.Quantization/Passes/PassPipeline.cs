using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Quantization.Passes;

/// <summary>The preparation as a list; the graph is verified before it and after every pass.</summary>
internal sealed class PassPipeline(params ImmutableArray<GraphPass> passes)
{
    public static PassPipeline Default { get; } = new(
        new UniqueNames(),
        new InlineFunctions(),
        new DetachInitializersFromInputs(),
        new MoveConstantsToInitializers(),
        new WidenHalfPrecision(),
        new MergeEqualInitializers(),
        new RemoveNoOperations(),
        new RaiseOpset(),
        new FoldConstants(),
        new SimplifyShapes(),
        new RemoveWholeSlices(),
        new FoldBatchNormalization(),
        new FoldChannelArithmetic(),
        new ReduceConstants(),
        new RecognizeActivations(),
        new RecognizeEmbedding(),
        new FoldIntoEmbedding(),
        new FoldSpaceToDepth(),
        new RecognizeDepthToSpace(),
        new FoldIntoNextLayer(),
        new FoldPadding(),
        new GeneralizePooling(),
        new NormalizeGemm(),
        new FuseMatMulAdd(),
        new SpeedUpReductions(),
        new RemoveUnused());

    /// <summary>What a prepared model needs beyond that where weights have a scale for each block.</summary>
    public static PassPipeline ForBlocks { get; } = new(new RaiseOpset(RaiseOpset.SufficientForBlocks));

    /// <summary>Returns a changed copy.</summary>
    public Model Run(Model model)
    {
        if (GraphVerifier.Violations(model.Graph).FirstOrDefault() is { } violation)
        {
            throw new QuantBuildException(DiagnosticCodes.InvalidGraph, $"The model's graph is not valid: {violation} Export the model again, or check it with onnx.checker.");
        }

        var prepared = model.Clone();
        foreach (var pass in passes)
        {
            pass.Run(prepared);
            GraphVerifier.Verify(prepared, $"After {pass.Name}");
        }

        return prepared;
    }
}
