using System.Collections.Frozen;
using System.Globalization;
using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx.Text;

/// <summary>Types of values: <c>float[N, 3, ?]</c>, or <c>float</c> where the rank is open.</summary>
internal static class TypeText
{
    /// <summary>What comes before the type of a sparse tensor.</summary>
    public const string Sparse = "sparse";

    private static readonly FrozenDictionary<string, ElementType> ByWord = Enum.GetValues<ElementType>().ToFrozenDictionary(Print);

    private static readonly FrozenDictionary<string, ElementType>.AlternateLookup<ReadOnlySpan<char>> ByText = ByWord.GetAlternateLookup<ReadOnlySpan<char>>();

    public static string Print(ElementType type) => type == ElementType.Boolean ? "bool" : type.ToString().ToLowerInvariant();

    /// <summary>Empty where the message holds no type.</summary>
    public static string Print(TypeProto? type) => type?.ValueCase switch
    {
        TypeProto.ValueOneofCase.TensorType => Print(type.TensorType.ElemType, type.TensorType.Shape),
        TypeProto.ValueOneofCase.SparseTensorType => $"{Sparse} {Print(type.SparseTensorType.ElemType, type.SparseTensorType.Shape)}",
        TypeProto.ValueOneofCase.SequenceType => $"seq({Print(type.SequenceType.ElemType)})",
        TypeProto.ValueOneofCase.OptionalType => $"optional({Print(type.OptionalType.ElemType)})",
        TypeProto.ValueOneofCase.MapType => $"map({Print((ElementType)type.MapType.KeyType)}, {Print(type.MapType.ValueType)})",
        TypeProto.ValueOneofCase.OpaqueType => $"opaque({NameText.Print(type.OpaqueType.Domain)}, {NameText.Print(type.OpaqueType.Name)})",
        _ => "",
    };

    public static string Print(IEnumerable<long> dimensions) =>
        $"[{string.Join(", ", dimensions.Select(length => length.ToString(CultureInfo.InvariantCulture)))}]";

    public static bool IsElementType(TokenReader tokens) => tokens.Kind == TokenKind.Name && ByText.ContainsKey(tokens.Current);

    public static ElementType ReadElementType(TokenReader tokens)
    {
        var type = IsElementType(tokens) ? ByText[tokens.Current] : throw tokens.Expected("an element type such as float or int64");
        tokens.Advance();
        return type;
    }

    public static TypeProto Read(TokenReader tokens)
    {
        if (tokens.Take(Sparse))
        {
            return new() { SparseTensorType = new() { ElemType = (int)ReadElementType(tokens), Shape = ReadShape(tokens) } };
        }

        if (IsElementType(tokens))
        {
            return new() { TensorType = new() { ElemType = (int)ReadElementType(tokens), Shape = ReadShape(tokens) } };
        }

        var kind = tokens.Name("a type such as float[1, 2]");
        tokens.Expect("(");
        var type = kind switch
        {
            "seq" => new TypeProto { SequenceType = new() { ElemType = Read(tokens) } },
            "optional" => new TypeProto { OptionalType = new() { ElemType = Read(tokens) } },
            "map" => new TypeProto { MapType = new() { KeyType = (int)ReadElementType(tokens), ValueType = ReadSecond(tokens) } },
            "opaque" => new TypeProto { OpaqueType = ReadOpaque(tokens) },
            _ => throw tokens.Expected($"a type, an element type or seq, optional, map, opaque before it instead of {kind},"),
        };
        tokens.Expect(")");
        return type;
    }

    /// <summary>Dimensions that are all known, in brackets.</summary>
    public static IEnumerable<long> ReadDimensions(TokenReader tokens)
    {
        var dimensions = new List<long>();
        tokens.Expect("[");
        tokens.List("]", () => dimensions.Add(tokens.Integer()));
        return dimensions;
    }

    private static string Print(int elementType, TensorShapeProto? shape) =>
        Print((ElementType)elementType) + (shape is null ? "" : $"[{string.Join(", ", shape.Dim.Select(Print))}]");

    private static string Print(TensorShapeProto.Types.Dimension dimension) => dimension.ValueCase switch
    {
        TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue => dimension.DimValue.ToString(CultureInfo.InvariantCulture),
        TensorShapeProto.Types.Dimension.ValueOneofCase.DimParam => NameText.Print(dimension.DimParam),
        _ => "?",
    };

    private static TensorShapeProto? ReadShape(TokenReader tokens)
    {
        if (!tokens.Take("["))
        {
            return null;
        }

        var shape = new TensorShapeProto();
        tokens.List("]", () => shape.Dim.Add(ReadDimension(tokens)));
        return shape;
    }

    private static TensorShapeProto.Types.Dimension ReadDimension(TokenReader tokens) =>
        tokens.Take("?") ? new()
        : tokens.Kind == TokenKind.Number ? new() { DimValue = tokens.Integer() }
        : new() { DimParam = tokens.Name("a dimension: a number, a name or '?'") };

    private static TypeProto ReadSecond(TokenReader tokens)
    {
        tokens.Expect(",");
        return Read(tokens);
    }

    private static TypeProto.Types.Opaque ReadOpaque(TokenReader tokens)
    {
        var domain = tokens.Name("a domain");
        tokens.Expect(",");
        return new() { Domain = domain, Name = tokens.Name("the name of a type") };
    }
}
