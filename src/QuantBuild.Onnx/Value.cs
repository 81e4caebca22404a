using System.Collections.Immutable;
using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx;

/// <summary>One place where a value is read: input number <paramref name="Index"/> of <paramref name="Node"/>.</summary>
public readonly record struct Use(Node Node, int Index);

/// <summary>
/// A tensor (or sequence, map, optional) of a graph: made by its <see cref="Producer"/>, or an input of the graph, or an
/// initializer, or both of the latter where a model declares its weights as inputs too.
/// </summary>
public sealed class Value
{
    private readonly List<Use> _consumers = [];
    private TensorData? _constant;

    internal Value(Graph graph, string name)
    {
        Graph = graph;
        Name = name;
    }

    public string Name { get; internal set; }

    /// <summary>The graph in whose scope the value lives; its consumers may be in graphs nested in that one.</summary>
    public Graph Graph { get; }

    public Node? Producer { get; internal set; }

    public IReadOnlyList<Use> Consumers => _consumers;

    public bool IsGraphInput => Graph.Inputs.Contains(this);

    public bool IsGraphOutput => Graph.Outputs.Contains(this);

    /// <summary>The initializer, or null. A sparse initializer is not decoded and counts as neither.</summary>
    public TensorData? Constant
    {
        get => _constant ??= InitializerProto is { } proto ? TensorCodec.Decode(proto) : null;
        set
        {
            _constant = value;
            InitializerProto = null;
        }
    }

    public bool HasConstant => _constant is not null || InitializerProto is not null;

    /// <summary>True where nothing at run time can change the value: an initializer that is not an input as well.</summary>
    public bool IsConstant => HasConstant && !IsGraphInput;

    /// <summary>The declared element type; <see cref="ElementType.Undefined"/> where none is declared.</summary>
    public ElementType DeclaredType => (ElementType)(Info?.Type?.TensorType?.ElemType ?? 0);

    /// <summary>The declared dimensions, null where open; default where not even the rank is declared.</summary>
    public ImmutableArray<long?> DeclaredShape =>
        Info?.Type?.TensorType?.Shape is { } shape
            ? [.. shape.Dim.Select(dimension => dimension.HasDimValue && dimension.DimValue >= 0 ? dimension.DimValue : (long?)null)]
            : default;

    internal ValueInfoProto? Info { get; set; }

    internal TensorProto? InitializerProto { get; set; }

    internal SparseTensorProto? SparseProto { get; set; }

    /// <summary>Declares the type of a value; a null dimension stays open.</summary>
    public void Declare(ElementType type, ImmutableArray<long?> shape)
    {
        var tensor = new TypeProto.Types.Tensor { ElemType = (int)type };
        if (!shape.IsDefault)
        {
            tensor.Shape = new TensorShapeProto();
            tensor.Shape.Dim.AddRange(shape.Select(DimensionOf));
        }

        Info = new ValueInfoProto { Type = new TypeProto { TensorType = tensor } };
    }

    /// <summary>Declares another element type; the shape stays as it is, names of open dimensions with it.</summary>
    public void DeclareType(ElementType type)
    {
        Info ??= new ValueInfoProto();
        Info.Type ??= new TypeProto();
        Info.Type.TensorType ??= new TypeProto.Types.Tensor();
        Info.Type.TensorType.ElemType = (int)type;
    }

    /// <summary>Declares another length of one axis of a declared shape; the others stay as they are, names of open dimensions with them.</summary>
    public void DeclareLength(int axis, long length) => Info!.Type.TensorType.Shape.Dim[axis] = DimensionOf(length);

    /// <summary>For a value that a node makes: what it is follows from the node.</summary>
    public void RemoveDeclaration() => Info = null;

    /// <summary>Makes every consumer read <paramref name="replacement"/> instead; the graph's outputs keep their names.</summary>
    public void ReplaceAllUsesWith(Value replacement)
    {
        foreach (var use in _consumers.ToArray())
        {
            use.Node.SetInput(use.Index, replacement);
        }

        Graph.ReplaceOutput(this, replacement);
    }

    public override string ToString() => Name;

    internal void AddConsumer(Use use) => _consumers.Add(use);

    internal void RemoveConsumer(Use use) => _consumers.Remove(use);

    private static TensorShapeProto.Types.Dimension DimensionOf(long? length)
    {
        var dimension = new TensorShapeProto.Types.Dimension();
        if (length is { } known)
        {
            dimension.DimValue = known;
        }

        return dimension;
    }
}
