using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.ControlFlow;

/// <summary>
/// Runs a model and hands over values of every scope. ONNX Runtime gives out no value of a body; a body is therefore run as a model of its own, once for
/// each time that it is entered: the branch that an If takes, and every iteration of a Loop or Scan. Names must be unique in the whole model.
/// </summary>
internal sealed class ScopedModel : IDisposable
{
    private readonly ScopeRunner _main;

    /// <exception cref="InferenceException">ONNX Runtime refuses the model.</exception>
    public ScopedModel(Model model, IReadOnlyList<Value> wanted)
    {
        var indices = wanted.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        _main = ScopeRunner.Of(model, model.Graph, indices);
        _main.Load();
    }

    /// <summary>
    /// Calls <paramref name="read"/> with a wanted value's position: never where no run comes to its scope, and many times where a loop does. Runs may
    /// overlap.
    /// </summary>
    /// <exception cref="InferenceException">ONNX Runtime cannot run the model on these inputs.</exception>
    public void Run(SampleInputs inputs, OutputReader read) => _main.Run(inputs, read);

    public void Dispose() => _main.Dispose();
}
