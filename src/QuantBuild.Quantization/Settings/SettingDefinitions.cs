using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Data;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Quantization.Settings;

/// <summary>The table of settings: options, item metadata, help and "valid values are" messages come from it.</summary>
public static class SettingDefinitions
{
    public static ImmutableArray<SettingDefinition> All { get; } =
    [
        new("CalibrationData", "PATTERN", "Samples to calibrate with: files, folders or globs, separated by ';'.", [],
            (settings, value) => settings with { CalibrationData = Patterns(value) })
        { ConcernsCalibration = true, ConcernsPruning = true },
        new("Calibration", "FILE", "A calibration that 'quantbuild calibrate' made, in place of CalibrationData.", [],
            (settings, value) => settings with { Calibration = value }),
        new("EvaluationData", "PATTERN", "Samples to judge the quantized model with: files, folders or globs, separated by ';'.", [],
            (settings, value) => settings with { EvaluationData = Patterns(value) })
        { ConcernsEvaluation = true, ConcernsAnalysis = false, ConcernsPruning = true },
        new("Metric", "NAME", "What the models are compared by; by default what fits the evaluation data.", [],
            (settings, value) => settings with { Metric = value })
        { ConcernsEvaluation = true, ConcernsPruning = true },
        new("MaxAccuracyDrop", "X", "The gate: how much worse than the float model the quantized one may be, in the metric's unit.", [],
            (settings, value) => settings with { MaxAccuracyDrop = Number("MaxAccuracyDrop", value) })
        { ChangesResult = false, ConcernsEvaluation = true, ConcernsAnalysis = false, ConcernsPruning = true },
        new("MinAgreement", "X", "The gate without labels: how far the outputs must agree with the float model's, as a share, a cosine or decibels.", [],
            (settings, value) => settings with { MinAgreement = Number("MinAgreement", value) })
        { ChangesResult = false, ConcernsEvaluation = true, ConcernsAnalysis = false, ConcernsPruning = true },
        Choice<AccuracyEffort>("AccuracyEffort", "What is done so that limits on accuracy are kept.", (settings, value) => settings with { AccuracyEffort = value })
            with { ConcernsAnalysis = false },
        new("Corrections", "NAMES", "What mends quantization, separated by ';': by default what AccuracyEffort takes.", CorrectionNames,
            (settings, value) => settings with { Corrections = Corrections(value) }),
        new("SearchBudget", "N", "How many candidates a search for a limit on accuracy may evaluate; 100 by default.", [],
            (settings, value) => settings with { SearchBudget = CountOf("SearchBudget", value) })
        { ConcernsAnalysis = false },
        new("MinSpeedup", "X", "The gate: how many times as fast as the float model the quantized one must be, measured on this machine.", [],
            (settings, value) => settings with { MinSpeedup = Times("MinSpeedup", value) })
        { ChangesResult = false, ConcernsEvaluation = true, ConcernsAnalysis = false, ConcernsPruning = true },
        Choice<CalibrationMethodName>("CalibrationMethod", "How ranges are found: Auto by default, and Mse with AccuracyEffort Fast.", (settings, value) => settings with { CalibrationMethod = value }),
        new("CalibrationPercentile", "X", "With CalibrationMethod Percentile: how many percent of the elements are kept; 99.999 by default.", [],
            (settings, value) => settings with { CalibrationPercentile = Percentage("CalibrationPercentile", value) }),
        Choice<ModelFormat>("Format", "How the quantized model is written.", (settings, value) => settings with { Format = value }),
        Choice<QuantizedType>("ActivationType", "The type of quantized activations.", (settings, value) => settings with { ActivationType = value },
            QuantizedType.U8, QuantizedType.S8, QuantizedType.U16, QuantizedType.S16),
        Choice<QuantizedType>("WeightType", "The type of quantized weights.", (settings, value) => settings with { WeightType = value },
            QuantizedType.S8, QuantizedType.U8, QuantizedType.S4, QuantizedType.U4, QuantizedType.S16),
        .. Schemes,
        Choice<TargetName>("Target", "The machines that the model is made for.", (settings, value) => settings with { Target = value })
            with { MetadataName = "TargetMachine", ConcernsEvaluation = true },
        Switch("FoldInput", "True for a model that takes the integers of quantized inputs itself, such as the bytes of images.", (settings, value) => settings with { FoldInput = value })
            with { ConcernsAnalysis = false },
        .. Pruning.Select(row => row with { ConcernsPruning = true }),
        new("Lock", "FILE", "The lock file, whose decisions are followed; by default MODEL.quantbuild.json beside the model, where there is one.", [],
            (settings, value) => settings with { Lock = value })
        { ConcernsAnalysis = false },
        Switch("UpdateLock", "True to decide anew and write the lock file.", (settings, value) => settings with { UpdateLock = value }) with { ConcernsAnalysis = false },
        Switch("Analyze", "True to find out what each operator does to the outputs; it is in the report.", (settings, value) => settings with { Analyze = value })
            with { ConcernsAnalysis = false },
        new("AnalysisSamples", "N", "How many samples an analysis takes, those whose float outputs are the least certain; 64 by default.", [],
            (settings, value) => settings with { AnalysisSamples = CountOf("AnalysisSamples", value) }),
        .. Images.Select(row => row with { ConcernsEvaluation = true, ConcernsCalibration = true, ConcernsPruning = true }),
    ];

    private static ImmutableArray<SettingDefinition> Pruning =>
    [
        new("Channels", "X", "The share of the channels that are removed, such as 0.2, or 'auto' for as many as the limits on accuracy allow.", [],
            (settings, value) => settings with { Channels = ChannelsOf(value) }),
        new("Sparsity", "X", "The share of the weights that become 0, such as 0.5, or N:M for all but N of every M, such as 2:4.", [],
            (settings, value) => settings with { Sparsity = SparsityOf(value) }),
        Choice<Saliency>("Saliency", "How channels and weights that go are chosen.", (settings, value) => settings with { Saliency = value }),
        Switch("Refit", "Whether what stays makes up for what goes; True by default.", (settings, value) => settings with { Refit = value }),
        new("RefitEpochs", "N", "Passes over the samples in which what stays learns the outputs of the float model: 30 by default, 0 with AccuracyEffort=Fast, 100 with Best.", [],
            (settings, value) => settings with { RefitEpochs = EpochsOf(value) }),
    ];

    private static ImmutableArray<SettingDefinition> Schemes =>
    [
        Switch("ActivationSymmetric", "Whether activations have their zero point in the middle of their type.", (settings, value) => settings with { ActivationSymmetric = value }),
        Switch("WeightSymmetric", "Whether weights have their zero point in the middle of their type.", (settings, value) => settings with { WeightSymmetric = value }),
        Choice<WeightGranularity>("WeightGranularity", "Which weights share a scale.", (settings, value) => settings with { WeightGranularity = value }),
        new("BlockSize", "N", "Weights in a block where WeightGranularity is PerBlock: 16, 32 (the default), 64, 128 or 256.", [],
            (settings, value) => settings with { BlockSize = BlockSizeOf(value) }),
        Switch("ReduceRange", "True for 7-bit weights, False for all 8 bits; by default as many as no processor of the target saturates on.", (settings, value) => settings with { ReduceRange = value }),
        Switch("PowerOfTwoScales", "Whether scales are powers of two, for fixed-point hardware.", (settings, value) => settings with { PowerOfTwoScales = value }),
    ];

    private static ImmutableArray<SettingDefinition> Images =>
    [
        new("ImageSize", "SIZE", "Size of the images that the model takes: 224, or width x height as 320x240.", [],
            (settings, value) => WithImages(settings, images => images with { Size = Size(value) })),
        Choice<ResizeMode>("Resize", "How images of another size are resized.",
            (settings, value) => WithImages(settings, images => images with { Resize = value })),
        Choice<CropMode>("Crop", "How images that are larger than the model's input are cropped.",
            (settings, value) => WithImages(settings, images => images with { Crop = value })),
        Choice<ChannelOrder>("ChannelOrder", "The order of the colour channels.",
            (settings, value) => WithImages(settings, images => images with { ChannelOrder = value })),
        Choice<TensorLayout>("Layout", "The layout of the model's image input.",
            (settings, value) => WithImages(settings, images => images with { Layout = value })),
        new("Scale", "X", "Factor of each pixel (0..255), before Mean and Std: 1/255 by default.", [],
            (settings, value) => WithImages(settings, images => images with { Scale = Ratio("Scale", value) })),
        new("Mean", "X", "What is subtracted after Scale: one number, or one a channel, separated by ',' or ';'.", [],
            (settings, value) => WithImages(settings, images => images with { Mean = Numbers("Mean", value) })),
        new("Std", "X", "What is divided by after Mean: one number, or one a channel, separated by ',' or ';'.", [],
            (settings, value) => WithImages(settings, images => images with { Std = Divisors("Std", value) })),
    ];

    public static SettingDefinition? Find(string name) =>
        All.FirstOrDefault(setting => string.Equals(setting.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Names are matched without regard to case; an empty value is a setting that is not set.</summary>
    /// <exception cref="QuantBuildException">A name or a value is not valid.</exception>
    public static QuantizationSettings Parse(IEnumerable<KeyValuePair<string, string>> values)
    {
        var settings = new QuantizationSettings();
        foreach (var (name, value) in values.Where(pair => !string.IsNullOrWhiteSpace(pair.Value)))
        {
            var definition = Find(name) ?? throw Invalid($"There is no setting '{name}'; the settings are {List(All.Select(row => row.Name))}.");
            settings = definition.Apply(settings, value.Trim());
        }

        return settings;
    }

    private static SettingDefinition Choice<T>(
        string name, string description, Func<QuantizationSettings, T, QuantizationSettings> apply, params ImmutableArray<T> offered)
        where T : struct, Enum
    {
        ImmutableArray<string> values = [.. (offered.IsEmpty ? [.. Enum.GetValues<T>()] : offered).Select(value => value.ToString())];
        return new(name, "NAME", description, values, (settings, text) =>
            values.Contains(text, StringComparer.OrdinalIgnoreCase)
                ? apply(settings, Enum.Parse<T>(text, ignoreCase: true))
                : throw Invalid(name, text, $"one of {List(values)}"));
    }

    private static ImmutableArray<string> CorrectionNames => ["None", .. Enum.GetNames<Correction>()];

    private static ImmutableArray<Correction> Corrections(string text) => text.Equals("None", StringComparison.OrdinalIgnoreCase) ? [] :
    [
        .. text.Split([',', ';'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(name => CorrectionNames.Contains(name, StringComparer.OrdinalIgnoreCase) && Enum.TryParse<Correction>(name, ignoreCase: true, out var correction)
            ? correction
            : throw Invalid("Corrections", text, $"some of {List(CorrectionNames)}")),
    ];

    private static SettingDefinition Switch(string name, string description, Func<QuantizationSettings, bool, QuantizationSettings> apply)
    {
        ImmutableArray<string> values = [bool.TrueString, bool.FalseString];
        return new(name, "NAME", description, values, (settings, text) =>
            bool.TryParse(text, out var value) ? apply(settings, value) : throw Invalid(name, text, $"one of {List(values)}"));
    }

    /// <summary>What MatMulNBits takes.</summary>
    private static int BlockSizeOf(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size is 16 or 32 or 64 or 128 or 256
            ? size
            : throw Invalid("BlockSize", text, "one of 16, 32, 64, 128, 256");

    private static int CountOf(string name, string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0 ? count : throw Invalid(name, text, "a whole number above 0");

    private static int EpochsOf(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : throw Invalid("RefitEpochs", text, "a whole number, 0 for none");

    private static ChannelPruning ChannelsOf(string text) => new(text.Equals(ChannelPruning.Automatic, StringComparison.OrdinalIgnoreCase) ? null
        : ShareOf(text) ?? throw Invalid("Channels", text, "a share above 0 and below 1, such as 0.2, or 'auto'"));

    private static WeightSparsity SparsityOf(string text) => text.Split(':') is [var kept, var size]
        ? int.TryParse(kept, NumberStyles.None, CultureInfo.InvariantCulture, out var left) && int.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var all)
            && left > 0 && left < all && all is 2 or 4 or 8 or 16 or 32
            ? new(1 - ((double)left / all), all)
            : throw Invalid("Sparsity", text, "N:M with N below M, and M one of 2, 4, 8, 16, 32, such as 2:4")
        : new(ShareOf(text) ?? throw Invalid("Sparsity", text, "a share above 0 and below 1, such as 0.5, or N:M, such as 2:4"), null);

    private static double? ShareOf(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var share) && share is > 0 and < 1 ? share : null;

    private static QuantizationSettings WithImages(QuantizationSettings settings, Func<ImagePreprocessing, ImagePreprocessing> change) =>
        settings with { Preprocessing = change(settings.Preprocessing) };

    private static ImmutableArray<string> Patterns(string value) =>
        [.. value.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];

    private static double Number(string name, string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? number
            : throw Invalid(name, text, "a number such as 0.01");

    private static double Times(string name, string text) => Number(name, text) is > 0 and var times ? times : throw Invalid(name, text, "a number above 0, such as 1.5");

    /// <summary>With half of the elements cut off at each end, nothing would be left.</summary>
    private static double Percentage(string name, string text) =>
        Number(name, text) is > 50 and <= 100 and var share ? share : throw Invalid(name, text, "a number above 50, at most 100, such as 99.99");

    /// <summary>A number, or a quotient as in <c>1/255</c>.</summary>
    private static double Ratio(string name, string text)
    {
        var parts = text.Split('/');
        var ratio = parts.Length == 2 ? Number(name, parts[0]) / Number(name, parts[1]) : Number(name, text);
        return double.IsFinite(ratio) && ratio != 0 ? ratio : throw Invalid(name, text, "a number other than 0, such as 1/255");
    }

    private static ImmutableArray<float> Numbers(string name, string text) =>
        [.. text.Split([',', ';'], StringSplitOptions.TrimEntries).Select(part => (float)Number(name, part))];

    private static ImmutableArray<float> Divisors(string name, string text)
    {
        var numbers = Numbers(name, text);
        return numbers.Contains(0) ? throw Invalid(name, text, "numbers other than 0") : numbers;
    }

    private static ImageSize Size(string text)
    {
        var sides = text.Split(['x', 'X']).Select(side => int.TryParse(side, NumberStyles.None, CultureInfo.InvariantCulture, out var length) ? length : 0).ToArray();
        return sides.Length is 1 or 2 && sides.All(side => side > 0)
            ? new ImageSize(sides[0], sides[^1])
            : throw Invalid("ImageSize", text, "a size in pixels: 224, or width x height as 320x240");
    }

    private static string List(IEnumerable<string> words) => string.Join(", ", words);

    private static QuantBuildException Invalid(string name, string value, string expected) =>
        Invalid($"{name} is '{value}'; expected {expected}.");

    private static QuantBuildException Invalid(string message) => new(DiagnosticCodes.InvalidSetting, message);
}
