using System.CommandLine;
using QuantBuild.Benchmarks.Operators;

return await new RootCommand("Measures QuantBuild, and what its cost tables say.")
{
    new OperatorsVerb().Create(),
}.Parse(args).InvokeAsync();
