using System.Collections.Immutable;

namespace QuantBuild.Tool.Worker;

/// <summary>
/// The first line of the worker's standard input, as QuantBuild.Tasks writes it. <paramref name="Models"/> are to be built;
/// <paramref name="All"/> are those of the project, among them what is up to date.
/// </summary>
internal sealed record WorkerRequest(string Mode, string ProjectDirectory, int Threads, ImmutableArray<WorkerModel> Models, ImmutableArray<WorkerModel> All)
{
    /// <summary>The models are only looked at: the float files themselves are deployed.</summary>
    public bool IsPassThrough => string.Equals(Mode, "PassThrough", StringComparison.OrdinalIgnoreCase);
}

/// <summary>
/// One item, with all its metadata. <paramref name="Source"/> is relative to the project directory where the user's path is;
/// <paramref name="Output"/> is where the build expects the quantized model, in a folder that belongs to this model and these
/// settings alone.
/// </summary>
internal sealed record WorkerModel(string Source, string Output, ImmutableSortedDictionary<string, string> Metadata);
