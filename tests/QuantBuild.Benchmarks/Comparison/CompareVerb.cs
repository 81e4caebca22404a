using System.CommandLine;

namespace QuantBuild.Benchmarks.Comparison;

/// <summary><c>compare --task NAME…</c>: the tool and the Python peer, in turns, on the same data.</summary>
internal sealed class CompareVerb
{
    private const string PythonVariable = "QUANTBUILD_PEER_PYTHON";

    private readonly Option<string[]> _tasks = new("--task") { Required = true, HelpName = "NAME", AllowMultipleArgumentsPerToken = true, Description = "A task of the peers' folder; may be given several times." };
    private readonly Option<string> _method = new("--method") { DefaultValueFactory = _ => "MinMax", Description = "MinMax, Percentile or Entropy." };
    private readonly Option<string> _effort = new("--effort") { DefaultValueFactory = _ => "Balanced", Description = "The tool's AccuracyEffort: Balanced, its default, or Fast, which corrects and searches about as little as the peer." };
    private readonly Option<string> _python = new("--python") { HelpName = "PATH", Description = $"A Python with onnxruntime, onnx, numpy and Pillow; by default {PythonVariable}." };
    private readonly Option<string> _peers = new("--peers") { HelpName = "FOLDER", Description = "The peers' tasks and scripts; by default ../shared/peers beside the checkout." };
    private readonly Option<string> _tool = new("--tool") { HelpName = "PATH", Description = "quantbuild.dll; by default the checkout's, built with -c Release." };
    private readonly Option<int> _rounds = new("--rounds") { DefaultValueFactory = _ => 3, Description = "Turns; of each time and each peak the smallest counts." };
    private readonly Option<int> _threads = new("--threads") { DefaultValueFactory = _ => Environment.ProcessorCount, Description = "The build's parallelism, and that of the bare pass." };

    public Command Create()
    {
        _method.AcceptOnlyFromAmong("MinMax", "Percentile", "Entropy");
        _effort.AcceptOnlyFromAmong("Balanced", "Fast");
        var command = new Command("compare", "Runs the tool and ONNX Runtime's own quantizer in turns, and prints the ratios of time and memory.") { _tasks, _method, _effort, _python, _peers, _tool, _rounds, _threads };
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult line)
    {
        var checkout = Checkout();
        var python = line.GetValue(_python) ?? Environment.GetEnvironmentVariable(PythonVariable);
        var peers = line.GetValue(_peers) ?? Path.GetFullPath(Path.Combine(checkout, "..", "shared", "peers"));
        var tool = line.GetValue(_tool) ?? Path.Combine(checkout, "src", "QuantBuild.Tool", "bin", "Release", "net10.0", "quantbuild.dll");
        if (Missing(python, peers, tool) is { } missing)
        {
            Console.Error.WriteLine(missing);
            return 2;
        }

        var comparison = new TaskComparison(
            new(python!, peers), new(tool, line.GetRequiredValue(_effort), line.GetValue(_threads)), line.GetValue(_rounds), line.GetValue(_threads));
        Console.WriteLine(TaskComparison.Header);
        foreach (var task in line.GetRequiredValue(_tasks))
        {
            Console.WriteLine(comparison.Row(task, line.GetRequiredValue(_method)));
        }

        return 0;
    }

    private static string? Missing(string? python, string peers, string tool) =>
        python is null ? $"The peer runs in Python: --python PATH or {PythonVariable} says which, with onnxruntime, onnx, numpy and Pillow."
        : !File.Exists(python) ? $"{python}, the peer's Python, is not there."
        : !File.Exists(Path.Combine(peers, "run_ort.py")) ? $"{peers} does not hold run_ort.py: --peers FOLDER says where the peer's tasks are."
        : !File.Exists(tool) ? $"{tool} is not there: build it with 'dotnet build -c Release src/QuantBuild.Tool'."
        : null;

    private static string Checkout()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder.Parent is not null && !File.Exists(Path.Combine(folder.FullName, "QuantBuild.sln")))
        {
            folder = folder.Parent;
        }

        return folder.FullName;
    }
}
