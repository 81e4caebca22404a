using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// Bodies that lie beside each other may use the same names; from here on a name says which value is meant. Bodies of If, Loop and Scan hand values over
/// by position, so that names in them are free.
/// </summary>
internal sealed class UniqueNames : GraphPass
{
    public override void Run(Model model)
    {
        var taken = new HashSet<string>();
        foreach (var graph in Bodies.Scopes(model.Graph))
        {
            foreach (var value in graph.Values.Where(value => !taken.Add(value.Name)).ToArray())
            {
                graph.Rename(value);
                taken.Add(value.Name);
            }
        }
    }
}
