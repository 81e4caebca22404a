using System.CommandLine;
using QuantBuild.Tool.CommandLine;
using QuantBuild.Tool.Files;
using QuantBuild.Tool.Terminal;

namespace QuantBuild.Tool.Verbs;

/// <summary><c>quantbuild merge part*.qcal --output all.qcal</c>: one calibration of all its shards, in any order.</summary>
internal sealed class MergeVerb(Engine engine, ToolConsole console)
{
    private readonly Argument<string[]> _parts = new("FILES")
    {
        Description = "The shards that 'quantbuild calibrate --shard' wrote, all of them, in any order.",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string> _output = new("--output")
    {
        HelpName = "FILE",
        Description = "Where the whole calibration is written. Needed.",
    };

    public Command Create()
    {
        var command = new Command("merge", "Puts the shards of a calibration together.") { _parts, _output };
        command.SetAction((line, cancellation) => Task.FromResult(Run(line, cancellation)));
        return command;
    }

    private int Run(ParseResult line, CancellationToken cancellation)
    {
        var output = line.GetValue(_output) ?? throw ToolOptions.Missing("merge", "--output FILE", "where the calibration is to be written");
        string[] parts = [.. line.GetRequiredValue(_parts).SelectMany(Expand)];
        ToolOptions.EnsureWritable("--output", output, parts);
        var result = engine.Merge(parts);
        using (var staged = StagedFile.Create(output, result.Content))
        {
            cancellation.ThrowIfCancellationRequested();
            staged.Commit();
        }

        console.Output.WriteLine($"merged {parts.Length} files: {result.TotalSamples} samples, {result.Tensors} tensors");
        console.Output.WriteLine($"written {output}");
        return ExitCodes.Success;
    }

    /// <summary>Not every shell expands patterns. One that finds nothing stays as it is: the error then names it.</summary>
    private static IEnumerable<string> Expand(string part)
    {
        var folder = Path.GetDirectoryName(part) ?? "";
        var found = Path.GetFileName(part).Contains('*', StringComparison.Ordinal) && Directory.Exists(folder.Length == 0 ? "." : folder)
            ? Directory.GetFiles(folder.Length == 0 ? "." : folder, Path.GetFileName(part)).Select(file => Path.Combine(folder, Path.GetFileName(file))).Order(StringComparer.Ordinal).ToArray()
            : [];
        return found.Length > 0 ? found : [part];
    }
}
