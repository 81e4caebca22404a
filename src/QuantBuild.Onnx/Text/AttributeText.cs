using System.Collections.Frozen;
using QuantBuild.Onnx.Schema;
using Kind = QuantBuild.Onnx.Schema.AttributeProto.Types.AttributeType;

namespace QuantBuild.Onnx.Text;

/// <summary>Reads attributes: a value's form says its type.</summary>
internal static class AttributeText
{
    /// <summary>What comes before a type that is an attribute's value.</summary>
    public const string Type = "type";

    /// <summary>What comes before a list whose elements do not show their type, or that has none.</summary>
    public static FrozenDictionary<Kind, string> Lists { get; } = new[]
    {
        Kind.Ints, Kind.Floats, Kind.Strings, Kind.Tensors, Kind.Graphs, Kind.SparseTensors, Kind.TypeProtos,
    }.ToFrozenDictionary(kind => kind, kind => kind.ToString().ToLowerInvariant());

    /// <summary>A name, '=' and a value.</summary>
    public static AttributeProto Read(TokenReader tokens)
    {
        var name = tokens.Name("the name of an attribute");
        tokens.Expect("=");
        return ReadValue(tokens, name);
    }

    public static AttributeProto ReadValue(TokenReader tokens, string name)
    {
        var attribute = new AttributeProto { Name = name };
        if (tokens.Take("@"))
        {
            attribute.RefAttrName = tokens.Name("the name of the function's attribute");
            tokens.Expect(":");
            attribute.Type = ReadKind(tokens);
        }
        else if (tokens.Take("["))
        {
            ReadPlainList(tokens, attribute);
        }
        else if (Lists.FirstOrDefault(row => tokens.Is(row.Value)) is { Value: not null } list)
        {
            tokens.Advance();
            tokens.Expect("[");
            attribute.Type = list.Key;
            tokens.List("]", () => ReadElement(tokens, attribute));
        }
        else
        {
            ReadSingle(tokens, attribute);
        }

        return attribute;
    }

    private static Kind ReadKind(TokenReader tokens) =>
        Enum.TryParse<Kind>(tokens.Name("the type of the attribute, such as int or floats"), ignoreCase: true, out var kind)
            ? kind
            : throw tokens.Expected("an attribute type, such as int or floats, before");

    private static bool IsFloat(TokenReader tokens) =>
        tokens.Is("nan") || tokens.Is("inf") || (tokens.Kind == TokenKind.Number && tokens.Current.ContainsAny(".en"));

    private static void ReadSingle(TokenReader tokens, AttributeProto attribute)
    {
        if (tokens.Kind == TokenKind.Quoted)
        {
            (attribute.Type, attribute.S) = (Kind.String, Google.Protobuf.ByteString.CopyFrom(tokens.Quoted()));
        }
        else if (IsFloat(tokens))
        {
            (attribute.Type, attribute.F) = (Kind.Float, NumberText.Read<float, uint>(tokens));
        }
        else if (tokens.Kind == TokenKind.Number)
        {
            (attribute.Type, attribute.I) = (Kind.Int, tokens.Integer());
        }
        else if (tokens.Is("graph"))
        {
            (attribute.Type, attribute.G) = (Kind.Graph, GraphParser.ReadGraph(tokens));
        }
        else if (tokens.Is(TypeText.Sparse))
        {
            (attribute.Type, attribute.SparseTensor) = (Kind.SparseTensor, ReadSparse(tokens));
        }
        else if (tokens.Take(Type))
        {
            (attribute.Type, attribute.Tp) = (Kind.TypeProto, TypeText.Read(tokens));
        }
        else
        {
            (attribute.Type, attribute.T) = TypeText.IsElementType(tokens) ? (Kind.Tensor, TensorText.Read(tokens)) : throw tokens.Expected("the value of an attribute");
        }
    }

    /// <summary>The elements show the type: strings, or integers unless one of the numbers is none.</summary>
    private static void ReadPlainList(TokenReader tokens, AttributeProto attribute)
    {
        if (tokens.Is("]"))
        {
            throw tokens.Expected("an element (an empty list is written as ints [], floats [] or strings [])");
        }

        attribute.Type = tokens.Kind == TokenKind.Quoted ? Kind.Strings : Kind.Ints;
        tokens.List("]", () =>
        {
            if (attribute.Type == Kind.Ints && IsFloat(tokens))
            {
                attribute.Type = Kind.Floats;
                attribute.Floats.AddRange(attribute.Ints.Select(value => (float)value));
                attribute.Ints.Clear();
            }

            ReadElement(tokens, attribute);
        });
    }

    private static void ReadElement(TokenReader tokens, AttributeProto attribute)
    {
        switch (attribute.Type)
        {
            case Kind.Ints:
                attribute.Ints.Add(tokens.Integer());
                break;
            case Kind.Floats:
                attribute.Floats.Add(NumberText.Read<float, uint>(tokens));
                break;
            case Kind.Strings:
                attribute.Strings.Add(Google.Protobuf.ByteString.CopyFrom(tokens.Quoted()));
                break;
            case Kind.Tensors:
                attribute.Tensors.Add(TensorText.Read(tokens));
                break;
            case Kind.Graphs:
                attribute.Graphs.Add(GraphParser.ReadGraph(tokens));
                break;
            case Kind.SparseTensors:
                attribute.SparseTensors.Add(ReadSparse(tokens));
                break;
            default:
                attribute.TypeProtos.Add(TypeText.Read(tokens));
                break;
        }
    }

    private static SparseTensorProto ReadSparse(TokenReader tokens)
    {
        tokens.Expect(TypeText.Sparse);
        return TensorText.ReadSparse(tokens, TypeText.ReadDimensions(tokens));
    }
}
