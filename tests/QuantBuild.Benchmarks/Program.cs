using System.CommandLine;
using QuantBuild.Benchmarks.Comparison;
using QuantBuild.Benchmarks.Kernels;
using QuantBuild.Benchmarks.Operators;

return await new RootCommand("Measures QuantBuild, and what its cost tables say.")
{
    new OperatorsVerb().Create(),
    KernelsVerb.Create(),
    new CompareVerb().Create(),
}.Parse(args).InvokeAsync();
