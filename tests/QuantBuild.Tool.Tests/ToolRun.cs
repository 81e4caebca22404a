using QuantBuild.Quantization;
using QuantBuild.Quantization.Reports;
using QuantBuild.Tool.Terminal;

namespace QuantBuild.Tool.Tests;

/// <summary>One run of the tool within this process, and all that it said.</summary>
internal sealed record ToolRun(int ExitCode, string Output, string Error)
{
    /// <summary>What an engine made by <see cref="EngineGiving"/> says that the quantized model is.</summary>
    public static byte[] QuantizedModel { get; } = [1, 2, 3, 4];

    public IEnumerable<string> ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public static Task<ToolRun> OfAsync(params string[] arguments) => OfAsync(Engine.Default, arguments);

    public static async Task<ToolRun> OfAsync(
        Engine engine, string[] arguments, bool showsStackTraces = false, CancellationToken cancellation = default)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        var console = new ToolConsole(output, error) { ShowsStackTraces = showsStackTraces };
        var exitCode = await new Application(engine, console).RunAsync(arguments, cancellation);
        return new(exitCode, output.ToString(), error.ToString());
    }

    public static Engine EngineGiving(QuantizationReport report) =>
        new((_, _, _) => new QuantizationResult(QuantizedModel, report), (_, _, _) => report);

    public static Engine EngineThrowing(Exception exception) => new((_, _, _) => throw exception, (_, _, _) => throw exception);
}
