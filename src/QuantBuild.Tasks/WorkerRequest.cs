using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Text;

namespace QuantBuild.Tasks;

/// <summary>What the worker is asked to do; it answers with <see cref="WorkerMessage"/>s.</summary>
[DataContract]
internal sealed class WorkerRequest(string mode, string projectDirectory, int threads, IEnumerable<WorkerModel> models, IEnumerable<WorkerModel> all)
{
    private static readonly DataContractJsonSerializerSettings Settings = new() { UseSimpleDictionaryFormat = true };

    [DataMember(Name = "mode")]
    public string Mode { get; private set; } = mode;

    [DataMember(Name = "projectDirectory")]
    public string ProjectDirectory { get; private set; } = projectDirectory;

    [DataMember(Name = "threads")]
    public int Threads { get; private set; } = threads;

    [DataMember(Name = "models")]
    public WorkerModel[] Models { get; private set; } = [.. models];

    [DataMember(Name = "all")]
    public WorkerModel[] All { get; private set; } = [.. all];

    /// <summary>One line of UTF-8 with its line feed.</summary>
    public byte[] ToLine()
    {
        using var line = new MemoryStream();
        new DataContractJsonSerializer(typeof(WorkerRequest), Settings).WriteObject(line, this);
        var end = Encoding.ASCII.GetBytes("\n");
        line.Write(end, 0, end.Length);
        return line.ToArray();
    }
}

[DataContract]
internal sealed class WorkerModel(string source, string output, Dictionary<string, string> metadata)
{
    [DataMember(Name = "source")]
    public string Source { get; private set; } = source;

    [DataMember(Name = "output")]
    public string Output { get; private set; } = output;

    [DataMember(Name = "metadata")]
    public Dictionary<string, string> Metadata { get; private set; } = metadata;
}
