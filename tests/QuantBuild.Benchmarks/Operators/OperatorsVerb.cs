using System.Collections.Immutable;
using System.CommandLine;

namespace QuantBuild.Benchmarks.Operators;

/// <summary><c>operators --target Vnni|X64 --output FILE</c>: measures operators in float and in INT8 and writes the cost table of a target.</summary>
internal sealed class OperatorsVerb
{
    private readonly Option<string> _target = new("--target") { Required = true, Description = "Vnni or X64: what the table is for. The processor has to be of that kind." };
    private readonly Option<FileInfo> _output = new("--output") { Required = true, HelpName = "FILE", Description = "The cost table, a JSON file." };
    private readonly Option<string> _machine = new("--measured-on") { HelpName = "NAME", Description = "What the table says about the machine; by default what it says of itself." };
    private readonly Option<string[]> _kinds = new("--kind") { HelpName = "NAME", Description = "Only this kind; may be given several times. The other kinds of a table that is there stay as they are." };
    private readonly Option<int> _rounds = new("--rounds") { DefaultValueFactory = _ => 16, Description = "Blocks for each of a model's three sessions; its time is the smallest of their medians." };
    private readonly Option<bool> _details = new("--details") { Description = "Prints every measurement beside what the fit says." };

    public Command Create()
    {
        _target.AcceptOnlyFromAmong("Vnni", "X64");
        var command = new Command("operators", "Measures what operators cost in float and in INT8, and writes a cost table.") { _target, _output, _machine, _kinds, _rounds, _details };
        command.SetAction(Run);
        return command;
    }

    private static IEnumerable<CostCase> Cases() => [.. ConvolutionCases.All(), .. MatrixCases.All(), .. ElementCases.All(), .. MovingCases.All()];

    private int Run(ParseResult line)
    {
        var target = line.GetRequiredValue(_target);
        var saturates = Processor.SaturatesPairs();
        if (saturates != (target == "X64"))
        {
            Console.Error.WriteLine($"The kernels of this processor {(saturates ? "add products in 16 bits" : "add products in 32 bits")}: what is measured here is not for {target}.");
            return 2;
        }

        var kinds = line.GetValue(_kinds) ?? [];
        var meter = new CaseMeter(line.GetValue(_rounds));
        var output = line.GetRequiredValue(_output).FullName;
        var fits = kinds.Length > 0 && File.Exists(output) ? CostTable.Read(output) : [];
        foreach (var kind in Cases().GroupBy(given => given.Kind).Where(group => kinds.Length == 0 || kinds.Contains(group.Key)))
        {
            var measured = kind.SelectMany(meter.Measure).ToArray();
            foreach (var form in measured.GroupBy(measurement => measurement.Form))
            {
                fits[(kind.Key, form.Key)] = Fit(kind.Key, [.. form], line.GetValue(_details));
            }
        }

        var table = new CostTable(target, line.GetValue(_machine) ?? Processor.Describe(saturates), fits);
        File.WriteAllText(output, table.ToJson());
        return 0;
    }

    private static CostFit Fit(string kind, ImmutableArray<Measurement> measured, bool hasDetails)
    {
        var fit = CostFit.Of(measured);
        var errors = fit.RelativeErrors.Select(Math.Abs).Order().ToArray();
        Console.WriteLine(FormattableString.Invariant(
            $"{kind,-20} {CostTable.Name(measured[0].Form),-12} {CostTable.Rounded(fit.Overhead),8} ns + {CostTable.Rounded(fit.PerUnit),8} ns/unit + {CostTable.Rounded(fit.PerOutput),8} ns/output; relative error median {errors[errors.Length / 2]:P0}, at most {errors[^1]:P0}"));
        foreach (var kernels in measured.CountBy(measurement => string.Join(", ", measurement.Kernels.Select(entry => $"{entry.Value} {entry.Key}"))))
        {
            Console.WriteLine($"    {kernels.Value} × {kernels.Key}");
        }

        foreach (var (measurement, error) in hasDetails ? measured.Zip(fit.RelativeErrors) : [])
        {
            var between = measurement.Case.Between;
            Console.WriteLine(FormattableString.Invariant(
                $"    {measurement.Case.Shape,-28} {measurement.Nanoseconds / between.Nodes / 1000,10:F2} µs, noise {measurement.Noise / between.Nodes / 1000,6:F2}, {(between.Units > 0 ? measurement.Nanoseconds / between.Units : 0),10:F4} ns/unit; fit {error:+0%;-0%}"));
        }

        return fit;
    }
}
