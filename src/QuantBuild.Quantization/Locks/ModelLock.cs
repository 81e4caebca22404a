using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Locks;

/// <summary>
/// What a search or a measurement found, like a package lock: which operators of a model are quantized, each in which form. A build that has one repeats
/// it, and all other operators stay float.
/// </summary>
internal sealed record ModelLock
{
    public const int CurrentSchemaVersion = 1;

    private const string Granularity = "weightGranularity";

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
    };

    public required int SchemaVersion { get; init; }

    /// <summary>SHA-256 of the model as it is prepared.</summary>
    public required string Model { get; init; }

    /// <summary>In words: by prediction and accuracy, or by measuring on a machine that is named.</summary>
    public required string ChosenBy { get; init; }

    public required ImmutableSortedDictionary<string, string> Settings { get; init; }

    /// <summary>By the name of an operator's first output.</summary>
    public required ImmutableSortedDictionary<string, UnitForm> Operators { get; init; }

    public static ModelLock Of(PreparedRequest job, Placement placement, string chosenBy) => new()
    {
        SchemaVersion = CurrentSchemaVersion,
        Model = ModelIdentity.Of(job.Plain),
        ChosenBy = chosenBy,
        Settings = Describe(job.Request.Settings),
        Operators = placement.Units.ToImmutableSortedDictionary(unit => NameOf(unit.Node), unit => unit.Form, StringComparer.Ordinal),
    };

    /// <summary>
    /// The file that a request follows: the one that is set, or the one beside the model where there is one; null for none. A folder there is one that cannot be
    /// read: passed over, it would be in the way of the lock file that is to come, and of decisions that somebody believes to be followed.
    /// </summary>
    public static string? FileOf(QuantizationRequest request) => request.Settings.Lock is not null || Path.Exists(request.LockPath) ? request.LockPath : null;

    /// <exception cref="QuantBuildException">The file cannot be read.</exception>
    public static ModelLock Read(string path)
    {
        if (Directory.Exists(path))
        {
            throw new QuantBuildException(DiagnosticCodes.InvalidLock, $"{path}: the lock file cannot be read: it is a folder. Rename or delete it, or set Lock to a file.");
        }

        try
        {
            return LockText.Read(File.ReadAllBytes(path), Json);
        }
        catch (Exception exception) when (exception is FormatException or IOException or UnauthorizedAccessException)
        {
            throw Invalid(exception.Message.TrimEnd('.'));
        }

        QuantBuildException Invalid(string reason) =>
            new(DiagnosticCodes.InvalidLock, $"{path}: the lock file cannot be read: {reason}. Renew it with 'quantbuild tune' or UpdateLock=true, or delete it.");
    }

    public byte[] ToBytes() => [.. JsonSerializer.SerializeToUtf8Bytes(this, Json), (byte)'\n'];

    /// <summary>The placement that the lock prescribes.</summary>
    /// <exception cref="QuantBuildException">The lock is of another model or other settings.</exception>
    public Placement Apply(PreparedRequest job)
    {
        var request = job.Request;
        var settings = Describe(request.Settings);
        var changed = settings.Keys.Append(Granularity).FirstOrDefault(key => ValueOf(Settings, key) != ValueOf(settings, key));
        if (changed is not null)
        {
            throw Misfit(request, $"it was made with {changed} '{ValueOf(Settings, changed)}', and that is '{ValueOf(settings, changed)}' now");
        }

        if (Model != ModelIdentity.Of(job.Plain))
        {
            throw Misfit(request, "the model has changed since, or Channels and Sparsity make another of it now, or another version of QuantBuild made it");
        }

        var placement = Placement.Locked(job.Model.Graph, job.Context, Operators);
        var placed = placement.Units.Select(unit => NameOf(unit.Node)).ToHashSet();
        return Operators.Keys.FirstOrDefault(name => !placed.Contains(name)) is { } missing
            ? throw Misfit(request, $"operator '{missing}' is not in the model, or cannot be {JsonNamingPolicy.CamelCase.ConvertName(Operators[missing].ToString())}")
            : placement;
    }

    internal static string NameOf(Node node) => node.Outputs.OfType<Value>().First().Name;

    private static ImmutableSortedDictionary<string, string> Describe(QuantizationSettings settings)
    {
        var described = new Dictionary<string, string>
        {
            ["format"] = settings.Format.ToString(),
            ["activationType"] = ModelForm.ActivationTypeOf(settings).ToString(),
            ["weightType"] = ModelForm.WeightTypeOf(settings).ToString(),
            ["target"] = settings.Target.ToString(),
        };

        // Blocks need a later opset, with which the prepared model is another one, and are Auto's reason to quantize weights alone
        if (ModelForm.Of(settings).Weights.Granularity == WeightGranularity.PerBlock)
        {
            described[Granularity] = nameof(WeightGranularity.PerBlock);
        }

        return described.ToImmutableSortedDictionary(StringComparer.Ordinal);
    }

    /// <summary>A lock is as good for a scale a tensor as for one a channel, and names neither.</summary>
    private static string ValueOf(ImmutableSortedDictionary<string, string> settings, string key) =>
        settings.GetValueOrDefault(key, key == Granularity ? $"{nameof(WeightGranularity.PerTensor)} or {nameof(WeightGranularity.PerChannel)}" : "");

    private static QuantBuildException Misfit(QuantizationRequest request, string reason) => new(
        DiagnosticCodes.LockDoesNotFit, $"{FileOf(request)}: the lock file does not fit {request.Model}: {reason}. Renew it with 'quantbuild tune' or UpdateLock=true, or delete it.");
}
