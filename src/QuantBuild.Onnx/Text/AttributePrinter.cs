using System.Globalization;
using System.Text;
using QuantBuild.Onnx.Schema;
using Kind = QuantBuild.Onnx.Schema.AttributeProto.Types.AttributeType;

namespace QuantBuild.Onnx.Text;

/// <summary>Writes an attribute's value in a form that shows its type.</summary>
internal sealed class AttributePrinter(ModelPrinter model, StringBuilder text)
{
    public void Print(AttributeProto attribute)
    {
        var kind = KindOf(attribute);
        if (attribute.RefAttrName.Length > 0)
        {
            text.Append('@').Append(NameText.Print(attribute.RefAttrName)).Append(": ").Append(kind.ToString().ToLowerInvariant());
        }
        else if (AttributeText.Lists.TryGetValue(kind, out var word))
        {
            List(word, attribute, kind);
        }
        else
        {
            Single(attribute, kind);
        }
    }

    /// <summary>Files of ONNX's first years do not say an attribute's type.</summary>
    private static Kind KindOf(AttributeProto attribute) => attribute.Type != Kind.Undefined ? attribute.Type : attribute switch
    {
        { HasF: true } => Kind.Float,
        { HasI: true } => Kind.Int,
        { HasS: true } => Kind.String,
        { T: not null } => Kind.Tensor,
        { G: not null } => Kind.Graph,
        { Floats.Count: > 0 } => Kind.Floats,
        { Strings.Count: > 0 } => Kind.Strings,
        { Tensors.Count: > 0 } => Kind.Tensors,
        { Graphs.Count: > 0 } => Kind.Graphs,
        _ => Kind.Ints,
    };

    private void Single(AttributeProto attribute, Kind kind)
    {
        switch (kind)
        {
            case Kind.Int:
                text.Append(attribute.I.ToString(CultureInfo.InvariantCulture));
                break;
            case Kind.Float:
                text.Append(NumberText.PrintAttribute(attribute.F));
                break;
            case Kind.String:
                text.Append(NameText.Quote(attribute.S.Span));
                break;
            case Kind.Tensor:
                model.Print(attribute.T);
                break;
            case Kind.Graph:
                model.Print(attribute.G);
                break;
            case Kind.SparseTensor:
                Sparse(attribute.SparseTensor);
                break;
            default:
                text.Append(AttributeText.Type).Append(' ').Append(TypeText.Print(attribute.Tp));
                break;
        }
    }

    private void List(string word, AttributeProto attribute, Kind kind)
    {
        switch (kind)
        {
            case Kind.Ints:
                List(word, attribute.Ints, true, item => text.Append(item.ToString(CultureInfo.InvariantCulture)));
                break;
            case Kind.Floats:
                List(word, attribute.Floats, true, item => text.Append(NumberText.PrintAttribute(item)));
                break;
            case Kind.Strings:
                List(word, attribute.Strings, true, item => text.Append(NameText.Quote(item.Span)));
                break;
            case Kind.Tensors:
                List(word, attribute.Tensors, false, model.Print);
                break;
            case Kind.Graphs:
                List(word, attribute.Graphs, false, model.Print);
                break;
            case Kind.SparseTensors:
                List(word, attribute.SparseTensors, false, Sparse);
                break;
            default:
                List(word, attribute.TypeProtos, false, item => text.Append(TypeText.Print(item)));
                break;
        }
    }

    /// <summary>The word is left out where the elements show the type.</summary>
    private void List<T>(string word, IReadOnlyCollection<T> items, bool isShown, Action<T> print)
    {
        text.Append(isShown && items.Count > 0 ? "[" : word + " [");
        foreach (var (index, item) in items.Index())
        {
            text.Append(index == 0 ? "" : ", ");
            print(item);
        }

        text.Append(']');
    }

    private void Sparse(SparseTensorProto sparse)
    {
        text.Append(TypeText.Sparse).Append(' ').Append(TypeText.Print(sparse.Dims)).Append(' ');
        model.PrintParts(sparse);
    }
}
