using QuantBuild.Quantization;
using QuantBuild.Quantization.Settings;
using QuantBuild.Tool.Terminal;

namespace QuantBuild.Tool.Verbs;

/// <summary><c>quantbuild quantize MODEL --output FILE</c>: what the build does with an item.</summary>
internal sealed class QuantizeVerb(Engine engine, ToolConsole console) : WritingVerb(engine, console, "quantize", SettingDefinitions.All)
{
    protected override string Description => "Quantizes a model to INT8 and judges the result as it will be deployed.";

    protected override QuantizationRequest Complete(QuantizationRequest request) => request;
}
