using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// Weights that are graph inputs as well (the rule before IR version 4) become constants; otherwise ONNX Runtime may fold
/// nothing into them, and neither may we.
/// </summary>
internal sealed class DetachInitializersFromInputs : GraphPass
{
    /// <summary>The IR version of opset 15; from 4 on an initializer need not be an input.</summary>
    private const long IrVersion = 8;

    public override void Run(Model model)
    {
        foreach (var input in model.Graph.Inputs.Where(input => input.HasConstant).ToArray())
        {
            model.Graph.RemoveInput(input);
        }

        model.IrVersion = Math.Max(model.IrVersion, IrVersion);
    }
}
