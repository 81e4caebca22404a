using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Text;

namespace QuantBuild.Tasks;

/// <summary>One line of the worker's output. The type says which of the other members are there.</summary>
[DataContract]
internal sealed class WorkerMessage
{
    [DataMember(Name = "type")]
    public string Type { get; private set; } = "";

    /// <summary>The model's place in the request.</summary>
    [DataMember(Name = "model")]
    public int Model { get; private set; }

    [DataMember(Name = "code")]
    public string? Code { get; private set; }

    [DataMember(Name = "severity")]
    public string? Severity { get; private set; }

    [DataMember(Name = "text")]
    public string? Text { get; private set; }

    [DataMember(Name = "helpLink")]
    public string? HelpLink { get; private set; }

    [DataMember(Name = "path")]
    public string? Path { get; private set; }

    [DataMember(Name = "passed")]
    public bool Passed { get; private set; }

    [DataMember(Name = "done")]
    public int Done { get; private set; }

    [DataMember(Name = "total")]
    public int Total { get; private set; }

    /// <summary>Null where the line is none of the worker's messages: a native library may write to the output too.</summary>
    public static WorkerMessage? Parse(string line)
    {
        if (!line.StartsWith("{", StringComparison.Ordinal))
        {
            return null;
        }

        try
        {
            using var bytes = new MemoryStream(Encoding.UTF8.GetBytes(line));
            return (WorkerMessage?)new DataContractJsonSerializer(typeof(WorkerMessage)).ReadObject(bytes);
        }
        catch (SerializationException)
        {
            return null;
        }
    }
}
