using System.Collections.Immutable;
using Google.Protobuf.Collections;
using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx.Text;

/// <summary>Reads graphs and functions, whose bodies are initializers and nodes.</summary>
internal static class GraphParser
{
    private const string ValueName = "the name of a value";

    public static GraphProto ReadGraph(TokenReader tokens)
    {
        var graph = new GraphProto();
        tokens.Expect("graph");
        graph.Name = tokens.Is("(") ? "" : tokens.Name("the name of the graph or '('");
        ReadSignature(tokens, graph.Input, graph.Output);
        tokens.Expect("{");
        while (!tokens.Take("}"))
        {
            var outputs = ReadOutputs(tokens);
            if (outputs is [{ Type: { } type } constant] && (type.SparseTensorType is not null || tokens.Kind != TokenKind.Name))
            {
                AddInitializer(tokens, graph, constant);
            }
            else
            {
                graph.Node.Add(ReadNode(tokens, outputs));
                graph.ValueInfo.AddRange(outputs.Where(info => info.Type is not null));
            }
        }

        return graph;
    }

    public static FunctionProto ReadFunction(TokenReader tokens)
    {
        var function = new FunctionProto();
        (function.Domain, function.Name, var overload) = ReadOperator(tokens);
        function.Overload = overload;
        if (tokens.Take("<"))
        {
            tokens.List(">", () => ReadParameter(tokens, function));
        }

        var (inputs, outputs) = (new RepeatedField<ValueInfoProto>(), new RepeatedField<ValueInfoProto>());
        ReadSignature(tokens, inputs, outputs);
        function.Input.AddRange(inputs.Select(info => info.Name));
        function.Output.AddRange(outputs.Select(info => info.Name));
        tokens.Expect("opset");
        function.OpsetImport.AddRange(ModelParser.ReadImports(tokens));
        var inner = new List<ValueInfoProto>();
        tokens.Expect("{");
        while (!tokens.Take("}"))
        {
            var made = ReadOutputs(tokens);
            function.Node.Add(ReadNode(tokens, made));
            inner.AddRange(made);
        }

        function.ValueInfo.AddRange(inputs.Concat(outputs).Concat(inner).Where(info => info.Type is not null));
        return function;
    }

    /// <summary>A name alone is an attribute that a call must give; one with a value is its default.</summary>
    private static void ReadParameter(TokenReader tokens, FunctionProto function)
    {
        var name = tokens.Name("the name of an attribute");
        if (tokens.Take("="))
        {
            function.AttributeProto.Add(AttributeText.ReadValue(tokens, name));
        }
        else
        {
            function.Attribute.Add(name);
        }
    }

    private static void ReadSignature(TokenReader tokens, RepeatedField<ValueInfoProto> inputs, RepeatedField<ValueInfoProto> outputs)
    {
        tokens.Expect("(");
        tokens.List(")", () => inputs.Add(ReadValue(tokens)));
        tokens.Expect("->");
        tokens.Expect("(");
        tokens.List(")", () => outputs.Add(ReadValue(tokens)));
    }

    private static ValueInfoProto ReadValue(TokenReader tokens)
    {
        var info = new ValueInfoProto { Name = ReadOptionalName(tokens) };
        if (tokens.Take(":"))
        {
            info.Type = TypeText.Read(tokens);
        }

        return info;
    }

    private static string ReadOptionalName(TokenReader tokens) => tokens.Take(NameText.Missing) ? "" : tokens.Name(ValueName);

    /// <summary>What stands before '='.</summary>
    private static List<ValueInfoProto> ReadOutputs(TokenReader tokens)
    {
        var outputs = new List<ValueInfoProto>();
        if (tokens.Take("="))
        {
            return outputs;
        }

        do
        {
            outputs.Add(ReadValue(tokens));
        }
        while (tokens.Take(","));

        if (!tokens.Take("="))
        {
            throw tokens.Expected(outputs[^1].Type is null ? "':', ',' or '='" : "',' or '='");
        }

        return outputs;
    }

    private static void AddInitializer(TokenReader tokens, GraphProto graph, ValueInfoProto constant)
    {
        if (constant.Type.SparseTensorType is { } sparse)
        {
            var tensor = TensorText.ReadSparse(tokens, Dimensions(tokens, sparse.Shape));
            tensor.Values.Name = constant.Name;
            graph.SparseInitializer.Add(tensor);
            return;
        }

        var type = constant.Type.TensorType ?? throw tokens.Expected("an operator, for only tensors can be initializers,");
        var initializer = TensorText.ReadElements(tokens, (ElementType)type.ElemType, [.. Dimensions(tokens, type.Shape)]);
        initializer.Name = constant.Name;
        graph.Initializer.Add(initializer);
    }

    private static ImmutableArray<long> Dimensions(TokenReader tokens, TensorShapeProto? shape) => shape is not null && shape.Dim.All(dimension => dimension.HasDimValue)
        ? [.. shape.Dim.Select(dimension => dimension.DimValue)]
        : throw tokens.Expected("all dimensions in an initializer's type, before");

    private static NodeProto ReadNode(TokenReader tokens, List<ValueInfoProto> outputs)
    {
        var node = new NodeProto { Output = { outputs.Select(info => info.Name) } };
        (node.Domain, node.OpType, node.Overload) = ReadOperator(tokens);
        tokens.Expect("(");
        tokens.List(")", () => node.Input.Add(ReadOptionalName(tokens)));
        if (tokens.Take("{"))
        {
            tokens.List("}", () => node.Attribute.Add(AttributeText.Read(tokens)));
        }

        if (tokens.Take(NameText.NodeName))
        {
            node.Name = tokens.Name("the name of the node");
        }

        return node;
    }

    private static (string Domain, string Type, string Overload) ReadOperator(TokenReader tokens)
    {
        var first = tokens.Name("an operator");
        if (!tokens.Take("::"))
        {
            return ("", first, "");
        }

        var type = tokens.Name("an operator");
        return (first, type, tokens.Take("::") ? tokens.Name("an overload") : "");
    }
}
