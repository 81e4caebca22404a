namespace QuantBuild.Tool.Worker;

/// <summary>
/// One line of the worker's standard output. <paramref name="Type"/> says which of the other members are there; see
/// <see cref="ModelChannel"/> for the types.
/// </summary>
internal sealed record WorkerMessage(string Type, int Model)
{
    public string? Code { get; init; }

    public string? Severity { get; init; }

    public string? Text { get; init; }

    public string? HelpLink { get; init; }

    public string? Path { get; init; }

    public bool? Passed { get; init; }

    public int? Done { get; init; }

    public int? Total { get; init; }
}
