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
        var target = new RewriteTarget(model, plan);
        new StaticUnitWriter(target).Write();
        new DynamicUnitWriter(target).Write();
        new WeightOnlyUnitWriter(target).Write();
        if (plan.Form.Format == ModelFormat.QOperator)
        {
            new QOperatorWriter(target).Write();
        }

        TopologicalOrder.Restore(target.Graph);
        RemoveUnused.Prune(target.Graph);
        GraphVerifier.Verify(target.Model, "After rewriting");
        return target.Model;
    }
}
