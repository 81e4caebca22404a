using System.Security.Cryptography;
using System.Text;
using QuantBuild.Quantization;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Tool.Worker;

/// <summary>
/// SHA-256 over all that decides what a quantization gives: our own code, the settings but for the limits, and every input
/// file's name and content. Times and the project's place on the disk are not in it.
/// </summary>
internal static class InputFingerprint
{
    public static string Of(ItemSettings settings, QuantizationInputs inputs, string baseDirectory)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var module in ToolIdentity.Modules)
        {
            Append(hash, module);
        }

        foreach (var (name, value) in settings.Values.Where(pair => SettingDefinitions.Find(pair.Key) is { ChangesResult: true }))
        {
            Append(hash, $"{name}={value}");
        }

        foreach (var limit in Limits(settings))
        {
            Append(hash, limit);
        }

        AppendFiles(hash, "model", inputs.Model, baseDirectory);
        AppendFiles(hash, "calibration", inputs.Calibration, baseDirectory);
        AppendFiles(hash, "evaluation", inputs.Evaluation, baseDirectory);
        AppendFiles(hash, "lock", inputs.Lock, baseDirectory);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    public static string OfFile(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }

    /// <summary>
    /// Limits judge a result and do not change it, but for two things: where MinAgreement is one, which are set decides on the metric, and Channels=auto goes
    /// as far as they allow.
    /// </summary>
    private static IEnumerable<string> Limits(ItemSettings settings)
    {
        var limits = settings.Values.Where(pair => pair.Key is nameof(QuantizationSettings.MaxAccuracyDrop) or nameof(QuantizationSettings.MinAgreement)).ToArray();
        var isAutomatic = string.Equals(settings.Values.GetValueOrDefault(nameof(QuantizationSettings.Channels)), ChannelPruning.Automatic, StringComparison.OrdinalIgnoreCase);
        return isAutomatic ? limits.Select(pair => $"{pair.Key}={pair.Value}")
            : limits.Any(pair => pair.Key == nameof(QuantizationSettings.MinAgreement)) ? limits.Select(pair => pair.Key) : [];
    }

    /// <summary>A file's path counts: a folder's name can be a class.</summary>
    private static void AppendFiles(IncrementalHash hash, string kind, IReadOnlyCollection<string> files, string baseDirectory)
    {
        Append(hash, $"{kind} {files.Count}");
        foreach (var file in files)
        {
            Append(hash, $"{Path.GetRelativePath(baseDirectory, file).Replace('\\', '/')} {ContentOf(file)}");
        }
    }

    /// <summary>No stored result is of a file that cannot be read: what needs it says what is wrong.</summary>
    private static string ContentOf(string path)
    {
        try
        {
            return OfFile(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return $"unreadable {Guid.NewGuid():N}";
        }
    }

    private static void Append(IncrementalHash hash, string text) => hash.AppendData(Encoding.UTF8.GetBytes(text + "\n"));
}
