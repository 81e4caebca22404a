namespace QuantBuild.Benchmarks.Operators;

/// <summary>The columns of a cost table, under the names that they have there.</summary>
internal enum KernelForm
{
    Float,
    Int8,
    Dynamic,
    WeightOnly,
    WeightOnly4,
}
