using System.Globalization;
using System.Text;
using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx.Text;

/// <summary>Writes a model's message as text. Tensors of more than <paramref name="mostElements"/> are cut.</summary>
internal sealed class ModelPrinter(long mostElements)
{
    /// <summary>A signature longer than this has a line for each value.</summary>
    private const int LongestSignature = 120;

    private readonly StringBuilder _text = new();
    private int _depth;

    public string Print(ModelProto model)
    {
        if (mostElements < long.MaxValue)
        {
            Line($"# Tensors of more than {mostElements} elements are cut: this text cannot be parsed.");
        }

        Line($"ir {model.IrVersion}");
        Line($"opset {Imports(model.OpsetImport)}");
        Setting("producer", model.ProducerName, model.ProducerVersion);
        Setting("domain", model.Domain);
        if (model.ModelVersion != 0)
        {
            Line($"version {model.ModelVersion}");
        }

        foreach (var entry in model.MetadataProps)
        {
            Line($"metadata {QuoteText(entry.Key)} {QuoteText(entry.Value)}");
        }

        Begin();
        Print(model.Graph ?? new());
        _text.Append('\n');
        foreach (var function in model.Functions)
        {
            Print(function);
        }

        return _text.ToString();
    }

    /// <summary>From the word <c>graph</c> to its closing brace, without the end of a line.</summary>
    public void Print(GraphProto graph)
    {
        var types = graph.ValueInfo.ToLookup(info => info.Name, info => TypeText.Print(info.Type));
        _text.Append("graph").Append(graph.Name.Length > 0 ? $" {NameText.Print(graph.Name)}" : "");
        Signature(graph.Name.Length > 0 ? "" : " ", graph.Input.Select(Typed), graph.Output.Select(Typed));
        _text.Append(" {\n");
        _depth++;
        // An initializer that is an input as well is declared by the input.
        var order = graph.Input.Index().ToDictionary(entry => entry.Item.Name, entry => entry.Index);
        foreach (var tensor in graph.Initializer.OrderBy(tensor => order.GetValueOrDefault(tensor.Name, int.MaxValue)))
        {
            Begin($"{NameText.Print(tensor.Name)}: {TensorText.PrintType(tensor)} = ");
            TensorText.PrintElements(_text, tensor, mostElements);
            _text.Append('\n');
        }

        foreach (var sparse in graph.SparseInitializer)
        {
            Begin($"{NameText.Print(sparse.Values.Name)}: {TypeText.Sparse} {TypeText.Print((ElementType)sparse.Values.DataType)}{TypeText.Print(sparse.Dims)} = ");
            PrintParts(sparse);
            _text.Append('\n');
        }

        Nodes(graph.Node, types);
        _depth--;
        Begin("}");
    }

    private void Print(FunctionProto function)
    {
        var types = function.ValueInfo.ToLookup(info => info.Name, info => TypeText.Print(info.Type));
        Begin($"function {Operator(function.Domain, function.Name, function.Overload)}");
        if (function.Attribute.Count + function.AttributeProto.Count > 0)
        {
            _text.Append('<').AppendJoin(", ", function.Attribute.Select(NameText.Print));
            var separator = function.Attribute.Count > 0 ? ", " : "";
            foreach (var attribute in function.AttributeProto)
            {
                _text.Append(separator);
                Print(attribute);
                separator = ", ";
            }

            _text.Append('>');
        }

        string Typed(string name) => WithType(name, types[name].FirstOrDefault());
        Signature("", function.Input.Select(Typed), function.Output.Select(Typed));
        _text.Append(CultureInfo.InvariantCulture, $" opset {Imports(function.OpsetImport)} {{\n");
        _depth++;
        Nodes(function.Node, types);
        _depth--;
        Line($"}}");
    }

    private void Nodes(IEnumerable<NodeProto> nodes, ILookup<string, string> types)
    {
        foreach (var node in nodes)
        {
            var outputs = node.Output.Select(name => name.Length == 0 ? NameText.Missing : WithType(name, types[name].FirstOrDefault()));
            Begin($"{string.Join(", ", outputs)} = {Operator(node.Domain, node.OpType, node.Overload)}(");
            _text.AppendJoin(", ", node.Input.Select(name => name.Length == 0 ? NameText.Missing : NameText.Print(name))).Append(')');
            Attributes(node);
            _text.Append(node.Name.Length > 0 ? $" {NameText.NodeName} {NameText.Print(node.Name)}\n" : "\n");
        }
    }

    /// <summary>In one line, or one line each where a graph is among them.</summary>
    private void Attributes(NodeProto node)
    {
        if (node.Attribute.Count == 0)
        {
            return;
        }

        var isNested = node.Attribute.Any(attribute => attribute.G is not null || attribute.Graphs.Count > 0);
        _text.Append(isNested ? " {\n" : " {");
        _depth += isNested ? 1 : 0;
        foreach (var (index, attribute) in node.Attribute.Index())
        {
            _text.Append(index == 0 ? "" : isNested ? ",\n" : ", ");
            Begin(isNested);
            Print(attribute);
        }

        _depth -= isNested ? 1 : 0;
        _text.Append(isNested ? "\n" : "");
        Begin(isNested);
        _text.Append('}');
    }

    private void Print(AttributeProto attribute)
    {
        _text.Append(NameText.Print(attribute.Name)).Append(" = ");
        new AttributePrinter(this, _text).Print(attribute);
    }

    /// <summary>A tensor with its type, as attributes have them.</summary>
    public void Print(TensorProto tensor)
    {
        _text.Append(TensorText.PrintType(tensor)).Append(' ');
        TensorText.PrintElements(_text, tensor, mostElements);
    }

    public void PrintParts(SparseTensorProto sparse)
    {
        Print(sparse.Values);
        _text.Append(" at ");
        Print(sparse.Indices);
    }

    private void Signature(string space, IEnumerable<string> inputs, IEnumerable<string> outputs)
    {
        var (ins, outs) = (inputs.ToArray(), outputs.ToArray());
        var line = $"{space}({string.Join(", ", ins)}) -> ({string.Join(", ", outs)})";
        if (line.Length > LongestSignature)
        {
            var indent = "\n" + new string(' ', (_depth + 2) * 2);
            var separator = "," + indent;
            line = $"{space}({indent}{string.Join(separator, ins)}) -> ({indent}{string.Join(separator, outs)})";
        }

        _text.Append(line);
    }

    private void Setting(string word, string value, string detail = "")
    {
        if (value.Length > 0 || detail.Length > 0)
        {
            Line($"{word} {QuoteText(value)}{(detail.Length > 0 ? " " + QuoteText(detail) : "")}");
        }
    }

    private void Line(FormattableString line)
    {
        Begin(line.ToString(CultureInfo.InvariantCulture));
        _text.Append('\n');
    }

    private void Begin(string text) => _text.Append(' ', _depth * 2).Append(text);

    private void Begin(bool isNewLine = true) => _text.Append(' ', isNewLine ? _depth * 2 : 0);

    private static string Typed(ValueInfoProto info) => WithType(info.Name, TypeText.Print(info.Type));

    private static string WithType(string name, string? type) => string.IsNullOrEmpty(type) ? NameText.Print(name) : $"{NameText.Print(name)}: {type}";

    private static string Imports(IEnumerable<OperatorSetIdProto> imports) => string.Join(", ", imports
        .OrderBy(import => Model.Canonical(import.Domain), StringComparer.Ordinal)
        .Select(import => string.Create(CultureInfo.InvariantCulture, $"{(Model.Canonical(import.Domain).Length == 0 ? "" : NameText.Print(import.Domain) + " ")}{import.Version}")));

    private static string Operator(string domain, string type, string overload) =>
        (Model.Canonical(domain).Length > 0 || overload.Length > 0 ? NameText.Print(Model.Canonical(domain)) + "::" : "")
        + NameText.Print(type) + (overload.Length > 0 ? $"::{NameText.Print(overload)}" : "");

    private static string QuoteText(string text) => NameText.Quote(Encoding.UTF8.GetBytes(text));
}
