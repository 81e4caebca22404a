using System.Collections.Immutable;

namespace QuantBuild.Benchmarks.Operators;

/// <summary>
/// What one kernel, or several together, do: how often they are called, and the two amounts that their time grows with. Units are multiply-adds
/// or elements read, as the kind has it; outputs are elements written.
/// </summary>
internal readonly record struct Work(double Nodes, double Units, double Outputs)
{
    public static Work operator +(Work first, Work second) =>
        new(first.Nodes + second.Nodes, first.Units + second.Units, first.Outputs + second.Outputs);

    public static Work operator *(int count, Work work) => new(count * work.Nodes, count * work.Units, count * work.Outputs);
}

/// <summary>
/// One row of a kind's grid: a model with <see cref="Few"/> operators and one with <see cref="Many"/>, equal in everything else. The
/// difference of their times is that of the operators between, without the borders. <paramref name="Build"/> writes a model with so many
/// operators, <paramref name="Operator"/> is the work of one of them, by its position.
/// </summary>
internal sealed record CostCase(string Kind, string Shape, Action<CaseGraph, int> Build, Func<int, Work> Operator)
{
    public const int Few = 2;
    public const int Many = 6;

    public ImmutableArray<KernelForm> Forms { get; init; } = [KernelForm.Float, KernelForm.Int8];

    public Work Between => Enumerable.Range(Few, Many - Few).Select(Operator).Aggregate((sum, next) => sum + next);
}
