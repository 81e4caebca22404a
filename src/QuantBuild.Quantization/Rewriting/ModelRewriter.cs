using QuantBuild.Onnx;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>Writes a plan into a copy of the model, each unit in its own form.</summary>
internal static class ModelRewriter
{
    /// <summary>Returns the quantized model; the given one, whose nodes the plan names, stays as it is.</summary>
    public static Model Rewrite(Model model, QuantizationPlan plan)
    {
        var copy = model.Clone();
        foreach (var target in RewriteTarget.Scopes(model, copy, plan))
        {
            Rewrite(target);
        }

        if (plan.Form.Target == TargetName.Portable)
        {
            StandardOperators.Restore(copy);
        }
        else
        {
            FloatLayers.Keep(copy);
            FloatJoins.Keep(copy);
            FloatProducts.Keep(copy);
        }

        RemoveUnused.Prune(copy.Graph);
        BodyConstants.Share(copy.Graph, plan.Form);
        GraphVerifier.Verify(copy, "After rewriting");
        return copy;
    }

    private static void Rewrite(RewriteTarget target)
    {
        new StaticUnitWriter(target).Write();
        new DynamicUnitWriter(target).Write();
        new WeightOnlyUnitWriter(target).Write();
        if (target.Plan.Form.Format == ModelFormat.QOperator)
        {
            new QOperatorWriter(target).Write();
        }

        TopologicalOrder.Restore(target.Graph);
    }
}
