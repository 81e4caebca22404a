using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization;
using QuantBuild.Quantization.Settings;
using QuantBuild.Tool.Terminal;

namespace QuantBuild.Tool.Verbs;

/// <summary><c>quantbuild prune MODEL --output FILE --channels 0.2</c>: the float model with less in it, prepared and judged as a quantized one is.</summary>
internal sealed class PruneVerb(Engine engine, ToolConsole console)
    : WritingVerb(engine, console, "prune", SettingDefinitions.All.Where(row => row.ConcernsPruning))
{
    protected override string Description => "Removes channels of a float model, or makes weights 0, and judges what is left.";

    protected override QuantizationRequest Complete(QuantizationRequest request) => request.Settings.Prunes
        ? request with { PrunesOnly = true }
        : throw new QuantBuildException(DiagnosticCodes.MissingSetting, "prune needs --channels or --sparsity: what is to be removed, such as --channels 0.2 or --sparsity 2:4.");
}
