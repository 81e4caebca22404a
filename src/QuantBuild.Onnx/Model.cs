using System.Collections.Immutable;
using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx;

/// <summary>An ONNX model: its main graph, its opset imports and, untouched, everything else that its file holds.</summary>
public sealed class Model
{
    internal Model(ModelProto envelope, Graph graph)
    {
        Envelope = envelope;
        Graph = graph;
    }

    public Graph Graph { get; }

    public long IrVersion
    {
        get => Envelope.IrVersion;
        set => Envelope.IrVersion = value;
    }

    public string ProducerName => Envelope.ProducerName;

    /// <summary>The version of ONNX's own operators; 1 where the model states none.</summary>
    public long Opset => Opsets.GetValueOrDefault("", 1);

    public ImmutableSortedDictionary<string, long> Opsets => Envelope.OpsetImport
        .GroupBy(import => Canonical(import.Domain), import => import.Version)
        .ToImmutableSortedDictionary(group => group.Key, group => group.Max(), StringComparer.Ordinal);

    /// <summary>Names of the model's own functions, which nodes of their domain call.</summary>
    public IEnumerable<(string Domain, string Name)> Functions =>
        Envelope.Functions.Select(function => (Canonical(function.Domain), function.Name));

    /// <summary>The model's file without the main graph's nodes, values and initializers.</summary>
    internal ModelProto Envelope { get; }

    /// <summary>A model with an empty graph.</summary>
    public static Model Create(string graphName, long opset)
    {
        var proto = new ModelProto { IrVersion = 8, ProducerName = "QuantBuild", OpsetImport = { new OperatorSetIdProto { Domain = "", Version = opset } } };
        return new(proto, new Graph(null, new GraphProto { Name = graphName }));
    }

    /// <summary>What the model's metadata say under a key; null where they say nothing.</summary>
    public string? MetadataOf(string key) => Envelope.MetadataProps.FirstOrDefault(entry => entry.Key == key)?.Value;

    public void SetMetadata(string key, string value)
    {
        if (Envelope.MetadataProps.FirstOrDefault(entry => entry.Key == key) is { } known)
        {
            known.Value = value;
            return;
        }

        Envelope.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
    }

    public void SetOpset(string domain, long version)
    {
        RemoveOpset(domain);
        Envelope.OpsetImport.Add(new OperatorSetIdProto { Domain = domain, Version = version });
    }

    /// <summary>Stops importing a domain, of which no node may be left.</summary>
    public void RemoveOpset(string domain)
    {
        foreach (var import in Envelope.OpsetImport.Where(import => Canonical(import.Domain) == domain).ToArray())
        {
            Envelope.OpsetImport.Remove(import);
        }
    }

    /// <summary>A copy that can be changed without changing this one; the elements of tensors are shared.</summary>
    public Model Clone() => GraphReader.Read(GraphWriter.Write(this));

    internal static string Canonical(string domain) => domain == "ai.onnx" ? "" : domain;
}
