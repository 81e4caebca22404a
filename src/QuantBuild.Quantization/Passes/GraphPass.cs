using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Passes;

/// <summary>A step of the preparation, float to float: the model computes the same function before and after.</summary>
internal abstract class GraphPass
{
    public string Name => GetType().Name;

    /// <summary>Changes the model in place.</summary>
    public abstract void Run(Model model);
}
