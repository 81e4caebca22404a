using System.CommandLine;
using System.Globalization;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization;
using QuantBuild.Quantization.Settings;
using QuantBuild.Reporting;
using QuantBuild.Tool.Files;

namespace QuantBuild.Tool.CommandLine;

/// <summary>Options that are not settings of the quantization, and how their values are read.</summary>
internal static class ToolOptions
{
    private const int MostThreads = 1024;

    public static Option<string> Threads() => new("--threads")
    {
        HelpName = "N",
        Description = "How many samples are worked on at a time; by default one a processor. The result is the same for any number.",
    };

    public static Option<string> Report() => new("--report")
    {
        HelpName = "FILE",
        Description = $"Writes the report to FILE, whose extension chooses its form: {ReportFormats.Extensions}.",
    };

    public static Option<bool> Json() => new("--json")
    {
        Description = "Writes one JSON document to standard output, instead of text for people.",
    };

    public static int ReadThreads(string? value) => value is null
        ? Math.Min(Environment.ProcessorCount, MostThreads)
        : int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var threads) && threads is > 0 and <= MostThreads
            ? threads
            : throw Invalid("--threads", value, $"a whole number from 1 to {MostThreads}");

    /// <summary>The form that the extension of <paramref name="path"/> stands for; null where no report is asked for.</summary>
    public static ReportFormat? ReadReportFormat(string? path, params ReadOnlySpan<string> models)
    {
        if (path is null)
        {
            return null;
        }

        var format = ReportFormats.Find(path) ?? throw Invalid("--report", path, $"a file that ends in {ReportFormats.Extensions}");
        EnsureWritable("--report", path, models);
        return format;
    }

    /// <summary>The files that settings name, one by one; <see cref="EnsureNotRead"/> looks at what patterns cover.</summary>
    public static IEnumerable<string> FilesOf(QuantizationSettings settings) =>
        settings.CalibrationData.Concat(settings.EvaluationData).Append(settings.Calibration ?? "").Where(File.Exists);

    /// <summary>A file that is to be written must not be one that is read.</summary>
    public static void EnsureWritable(string option, string path, params ReadOnlySpan<string> models)
    {
        if (string.IsNullOrWhiteSpace(path) || path.Contains('\0', StringComparison.Ordinal))
        {
            throw Invalid(option, path, "the path of a file");
        }

        StagedFile.EnsureUsable(path);
        foreach (var model in models)
        {
            if (FileIdentity.AreSame(path, model))
            {
                throw Invalid(option, path, "a file of its own: what is read is never overwritten");
            }
        }
    }

    /// <summary>What patterns, folders and manifests cover, and a model's external data, must not be written either. That is looked at only where a file would be overwritten.</summary>
    /// <exception cref="QuantBuildException">A file is read, or the model or the data cannot be used.</exception>
    public static void EnsureNotRead(QuantizationRequest request, params IEnumerable<(string Option, string? Path)> written)
    {
        (string Option, string? Path)[] existing = [.. written.Where(file => File.Exists(file.Path))];
        if (existing.Length == 0 || !File.Exists(request.Model))
        {
            return;
        }

        string[] read = [.. QuantizationInputs.Find(request).All];
        foreach (var (option, path) in existing)
        {
            EnsureWritable(option, path!, read);
        }
    }

    public static QuantBuildException Missing(string verb, string option, string what) =>
        new(DiagnosticCodes.MissingSetting, $"'{verb}' needs {option}: {what}.");

    public static QuantBuildException Invalid(string option, string value, string expected) =>
        new(DiagnosticCodes.InvalidSetting, $"{option} is '{value}'; expected {expected}.");
}
