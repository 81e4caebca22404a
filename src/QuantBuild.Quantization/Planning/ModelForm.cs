using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Costs;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Planning;

/// <summary>
/// What settings come to for one model: the format, the types with their schemes, and the machines that it is for. docs/formats.md says the same
/// for people.
/// </summary>
internal sealed record ModelForm(ModelFormat Format, TargetName Target, QuantizationScheme Activations, WeightScheme Weights)
{
    private const int DefaultBlockSize = 32;

    /// <summary>What some runtime executes: every activation type of a row goes with every weight type of the row.</summary>
    private static readonly ImmutableArray<Combination> Combinations =
    [
        .. Static(ModelFormat.Auto),
        .. Static(ModelFormat.Qdq),
        new(ModelFormat.QOperator, [QuantizedType.U8], [QuantizedType.S8, QuantizedType.U8]),
        new(ModelFormat.QOperator, [QuantizedType.S8], [QuantizedType.S8]),
        new(ModelFormat.Dynamic, [QuantizedType.U8], [QuantizedType.S8, QuantizedType.U8]),
        new(ModelFormat.WeightOnly, [.. Enum.GetValues<QuantizedType>()], [QuantizedType.S8, QuantizedType.U8, QuantizedType.S4, QuantizedType.U4]),
    ];

    public bool IsStatic => Format is ModelFormat.Auto or ModelFormat.Qdq or ModelFormat.QOperator;

    /// <summary>True where ONNX Runtime has kernels that compute on the integers themselves.</summary>
    public bool HasIntegerKernels => Format != ModelFormat.WeightOnly && Activations.Type.BitsPerElement() == 8 && Weights.Type.BitsPerElement() == 8;

    /// <summary>True for activations of 16 bits and weights that do not throw away what those keep.</summary>
    public bool IsWide => IsStatic && Activations.Type.BitsPerElement() == 16 && Weights.Type.BitsPerElement() >= 8;

    /// <summary>True where runtimes for other machines fuse what is left float behind a layer; operators on integers are what they are.</summary>
    public bool IsFusedElsewhere => Target == TargetName.Portable && Format == ModelFormat.Qdq;

    /// <summary>TensorRT reads no INT32 biases.</summary>
    public bool HasFloatBias => IsFusedElsewhere || !HasIntegerKernels;

    /// <exception cref="QuantBuildException">No runtime executes what the settings ask for.</exception>
    public static ModelForm Of(QuantizationSettings settings)
    {
        var (activations, weights) = (ActivationTypeOf(settings), WeightTypeOf(settings));
        var combinations = Combinations.Where(row => row.Format == settings.Format).ToArray();
        if (!combinations.Any(row => row.Activations.Contains(activations) && row.Weights.Contains(weights)))
        {
            throw Refused($"Format={settings.Format} has no form with ActivationType={activations} and WeightType={weights}; valid are {string.Join("; ", combinations.Select(row => row.ToString()))}");
        }

        settings = Settle(settings);
        return new(
            settings.Format, settings.Target,
            new(TypeOf(activations), settings.ActivationSymmetric ?? (settings.Target == TargetName.Portable), settings.PowerOfTwoScales),
            WeightsOf(settings, activations, weights));
    }

    /// <summary>What a model of this opset can hold: below that of blocks each channel has its own scale.</summary>
    public ModelForm At(long opset) => Weights.Granularity == WeightGranularity.PerBlock && opset < RaiseOpset.SufficientForBlocks
        ? this with { Weights = Weights with { Granularity = WeightGranularity.PerChannel } }
        : this;

    /// <summary>The type that is set, or what the kernels of the target want; at run time activations become unsigned everywhere.</summary>
    public static QuantizedType ActivationTypeOf(QuantizationSettings settings) => settings.ActivationType
        ?? (settings.Target is TargetName.Arm64 or TargetName.Portable && settings.Format is ModelFormat.Auto or ModelFormat.Qdq or ModelFormat.QOperator ? QuantizedType.S8 : QuantizedType.U8);

    public static QuantizedType WeightTypeOf(QuantizationSettings settings) => settings.WeightType ?? QuantizedType.S8;

    /// <summary>
    /// Weights of 4 bits have kernels where activations stay float, and blocks no others: Auto takes what has kernels. Where there is no table of costs to
    /// choose by, and for other types than those of 8 bits, it is static.
    /// </summary>
    private static QuantizationSettings Settle(QuantizationSettings settings) => settings switch
    {
        { Format: not ModelFormat.Auto } => settings,
        { ActivationType: null, WeightType: QuantizedType.S4 or QuantizedType.U4 } or { ActivationType: null, WeightGranularity: Settings.WeightGranularity.PerBlock } =>
            settings with { Format = ModelFormat.WeightOnly },
        _ when CostTable.Of(settings.Target) is null || TypeOf(ActivationTypeOf(settings)).BitsPerElement() != 8 || TypeOf(WeightTypeOf(settings)).BitsPerElement() != 8 =>
            settings with { Format = ModelFormat.Qdq },
        _ => settings,
    };

    private static IEnumerable<Combination> Static(ModelFormat format) =>
    [
        new(format, [QuantizedType.U8], [QuantizedType.S8, QuantizedType.U8, QuantizedType.S4, QuantizedType.U4]),
        new(format, [QuantizedType.S8], [QuantizedType.S8, QuantizedType.S4]),
        new(format, [QuantizedType.U16, QuantizedType.S16], [QuantizedType.S8, QuantizedType.U8, QuantizedType.S16, QuantizedType.S4, QuantizedType.U4]),
    ];

    private static WeightScheme WeightsOf(QuantizationSettings settings, QuantizedType activations, QuantizedType weights)
    {
        var type = TypeOf(weights);
        var isSymmetric = settings.WeightSymmetric ?? true;
        if (!isSymmetric && IntegerTypes.IsSigned(type) && settings.Format != ModelFormat.WeightOnly)
        {
            throw Refused($"WeightSymmetric=false goes with WeightType=U8 or U4, not with {weights}: the integer kernels take signed weights with a zero point of 0 alone");
        }

        var isFewBits = type.BitsPerElement() == 4;
        var granularity = settings.WeightGranularity ?? (isFewBits && settings.Format == ModelFormat.WeightOnly ? WeightGranularity.PerBlock : WeightGranularity.PerChannel);
        if (granularity == WeightGranularity.PerBlock && settings.Format != ModelFormat.WeightOnly)
        {
            throw Refused($"WeightGranularity=PerBlock goes with Format=WeightOnly, not with {settings.Format}: no kernel takes blocks and quantized activations; valid there are PerTensor, PerChannel");
        }

        var range = settings.ReduceRange switch
        {
            true => WeightRange.Reduced,
            false => WeightRange.Full,
            null when type == ElementType.Int8 && TypeOf(activations).BitsPerElement() == 8 && settings.Format != ModelFormat.WeightOnly => RangeOn(settings.Target, activations),
            null => WeightRange.Full,
        };
        return new(type, isSymmetric, settings.PowerOfTwoScales, granularity, settings.BlockSize ?? DefaultBlockSize, range);
    }

    /// <summary>For the kernels of x64 it is known which weights they pair; for others that add up in 16 bits it is not.</summary>
    private static WeightRange RangeOn(TargetName target, QuantizedType activations) => target switch
    {
        TargetName.Vnni => WeightRange.Full,
        TargetName.X64 when activations == QuantizedType.U8 => WeightRange.KernelPairs,
        _ => WeightRange.AnyPair,
    };

    private static ElementType TypeOf(QuantizedType type) => type switch
    {
        QuantizedType.U8 => ElementType.UInt8,
        QuantizedType.S8 => ElementType.Int8,
        QuantizedType.U16 => ElementType.UInt16,
        QuantizedType.S16 => ElementType.Int16,
        QuantizedType.U4 => ElementType.UInt4,
        _ => ElementType.Int4,
    };

    private static QuantBuildException Refused(string message) => new(DiagnosticCodes.InvalidCombination, message + ".");

    private sealed record Combination(ModelFormat Format, ImmutableArray<QuantizedType> Activations, ImmutableArray<QuantizedType> Weights)
    {
        public override string ToString() => $"ActivationType {string.Join(" or ", Activations)} with WeightType {string.Join(", ", Weights)}";
    }
}
