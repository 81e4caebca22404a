using System.Collections.Concurrent;
using QuantBuild.Conformance;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Settings;

// QuantBuild.Conformance FOLDER [--format NAME] [--target NAME] …: quantizes every ONNX operator test below FOLDER and compares the results
var isWorker = args is [CaseWorker.Switch, ..];
if (!isWorker && (args is not [var given, ..] || !Directory.Exists(given)))
{
    return Usage("Name a folder of ONNX operator tests: CASE/model.onnx, CASE/test_data_set_0/input_0.pb.");
}

var options = args[1..];
if (options.Length % 2 != 0 || options.Where((_, index) => index % 2 == 0).Any(option => !option.StartsWith("--", StringComparison.Ordinal)))
{
    return Usage("What follows the folder are options and their values: --format QOperator.");
}

QuantizationSettings settings;
try
{
    settings = SettingDefinitions.Parse(options.Chunk(2).Select(pair => KeyValuePair.Create(pair[0].Replace("-", "", StringComparison.Ordinal), pair[1])));
}
catch (QuantBuildException exception)
{
    return Usage(exception.Message);
}

if (isWorker)
{
    CaseWorker.Run((folder, report) => new ConformanceCase(folder, folder).Check(settings, report));
    return 0;
}

string[] folders = [.. Directory.EnumerateFiles(args[0], "model.onnx", SearchOption.AllDirectories).Select(path => Path.GetDirectoryName(path)!).Order(StringComparer.Ordinal)];
var queue = new ConcurrentQueue<string>(folders);
var results = new ConcurrentBag<CaseResult>();
Parallel.For(0, Environment.ProcessorCount, _ =>
{
    using var worker = new CaseWorker(options);
    while (queue.TryDequeue(out var folder))
    {
        results.Add(worker.Check(folder));
    }
});

foreach (var result in results.Where(result => result.Outcome is Outcome.Refused or Outcome.Failed).OrderBy(result => result.Name, StringComparer.Ordinal))
{
    Console.WriteLine($"{result.Outcome} {result.Kind} {Path.GetRelativePath(args[0], result.Name)}: {result.Detail}");
}

var summary = new Summary(results);
Console.WriteLine(summary.Text);
return summary.IsGood ? 0 : 1;

static int Usage(string message)
{
    Console.Error.WriteLine(message);
    return 2;
}
