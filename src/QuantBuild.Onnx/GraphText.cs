using QuantBuild.Onnx.Text;

namespace QuantBuild.Onnx;

/// <summary>
/// A model as text, for people and for tests: the same model always gives the same text, and numbers come back bit by bit.
/// Left out is what no operator computes with: documentation, metadata of graphs and nodes, denotations, quantization
/// annotations, training information and device configurations.
/// </summary>
/// <remarks>
/// <code>
/// ir 8
/// opset 17, com.microsoft 1
/// graph main(x: float[N, 3, ?, ?]) -&gt; (y: float[N, 8]) {
///   w: float[8, 3, 1, 1] = [0.5, -1, …]
///   h: float[N, 8, ?, ?] = Conv(x, w) {strides = [2, 2]} as first
///   y = com.microsoft::Odd(h, _, "a name with spaces")
/// }
/// </code>
/// <c>_</c> is an input or output that is left out, <c>?</c> a dimension that is open, <c>#</c> begins a comment; attributes that
/// are numbers with neither a point nor an exponent are integers.
/// </remarks>
public static class GraphText
{
    /// <summary>The text that <see cref="Parse"/> reads, with all elements of all tensors.</summary>
    public static string Print(Model model) => new ModelPrinter(long.MaxValue).Print(GraphWriter.Write(model));

    /// <summary>For people: tensors of more than <paramref name="mostElements"/> are cut, and the first line says that the text cannot be parsed.</summary>
    public static string PrintShort(Model model, long mostElements) => new ModelPrinter(mostElements).Print(GraphWriter.Write(model));

    /// <exception cref="FormatException">The text is not of this form; the message says the line and what was expected there.</exception>
    /// <exception cref="Diagnostics.QuantBuildException">The text is of this form, but its graph is not valid.</exception>
    public static Model Parse(string text) => GraphReader.Read(ModelParser.Parse(text));
}
