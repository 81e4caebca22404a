using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx.Text;

/// <summary>Reads what <see cref="ModelPrinter"/> writes; only the opset and the graph have to be there.</summary>
internal static class ModelParser
{
    /// <summary>That of opset 15.</summary>
    private const long DefaultIrVersion = 8;

    public static ModelProto Parse(string text)
    {
        var tokens = new TokenReader(text);
        var model = new ModelProto { IrVersion = DefaultIrVersion };
        while (tokens.Kind != TokenKind.End)
        {
            ReadPart(tokens, model);
        }

        return model.Graph is null ? throw tokens.Expected("a graph")
            : model.OpsetImport.Count == 0 ? throw tokens.Expected("'opset' and a number, before the graph or behind it,")
            : model;
    }

    /// <summary>A number for ONNX's own operators, or a domain and a number; any of them with commas between.</summary>
    public static IEnumerable<OperatorSetIdProto> ReadImports(TokenReader tokens)
    {
        var imports = new List<OperatorSetIdProto>();
        do
        {
            var domain = tokens.Kind == TokenKind.Number ? "" : tokens.Name("an opset: a number, or a domain and a number");
            imports.Add(new() { Domain = domain, Version = tokens.Integer() });
        }
        while (tokens.Take(","));

        return imports;
    }

    private static void ReadPart(TokenReader tokens, ModelProto model)
    {
        if (tokens.Is("graph"))
        {
            model.Graph = model.Graph is null ? GraphParser.ReadGraph(tokens) : throw tokens.Expected("only one graph");
        }
        else if (tokens.Take("function"))
        {
            model.Functions.Add(GraphParser.ReadFunction(tokens));
        }
        else if (tokens.Take("opset"))
        {
            model.OpsetImport.AddRange(ReadImports(tokens));
        }
        else
        {
            ReadSetting(tokens, model);
        }
    }

    private static void ReadSetting(TokenReader tokens, ModelProto model)
    {
        if (tokens.Take("ir"))
        {
            model.IrVersion = tokens.Integer();
        }
        else if (tokens.Take("version"))
        {
            model.ModelVersion = tokens.Integer();
        }
        else if (tokens.Take("producer"))
        {
            model.ProducerName = tokens.Name("a name in quotation marks");
            model.ProducerVersion = tokens.Kind == TokenKind.Quoted ? tokens.Name("a version") : "";
        }
        else if (tokens.Take("domain"))
        {
            model.Domain = tokens.Name("a name in quotation marks");
        }
        else if (tokens.Take("metadata"))
        {
            model.MetadataProps.Add(new StringStringEntryProto { Key = tokens.Name("a key"), Value = tokens.Name("a value") });
        }
        else
        {
            throw tokens.Expected("ir, opset, producer, domain, version, metadata, graph or function");
        }
    }
}
