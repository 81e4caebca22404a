using System.Collections.Frozen;
using System.Collections.Immutable;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Generated;

/// <summary>Settings that cases are quantized under, and what is expected of these then.</summary>
internal sealed record GeneratedForm(string Name, QuantizationSettings Settings, IEnumerable<GeneratedCase> Cases)
{
    private static readonly FrozenDictionary<string, string> Static = new Dictionary<string, string>
    {
        ["Conv"] = "QLinearConv",
        ["Gemm"] = "QGemm",
        ["MatMul"] = "QLinearMatMul|MatMulIntegerToFloat",
        ["Add"] = "QLinearAdd",
        ["Mul"] = "QLinearMul",
        ["Sigmoid"] = "QLinearSigmoid",
        ["LeakyRelu"] = "QLinearLeakyRelu",
        ["Concat"] = "QLinearConcat",
        ["GlobalAveragePool"] = "QLinearGlobalAveragePool",
        ["AveragePool"] = "QLinearAveragePool",
        ["Softmax"] = "QLinearSoftmax",
        ["Where"] = "QLinearWhere",
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<string, string> Dynamic = new Dictionary<string, string>
    {
        ["Conv"] = "ConvInteger",
        ["Gemm"] = "MatMulInteger",
        ["MatMul"] = "MatMulInteger",
        ["LSTM"] = "DynamicQuantizeLSTM",
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<string, string> WeightOnly = new Dictionary<string, string>
    {
        ["Conv"] = "DequantizeLinear",
        ["Gemm"] = "DequantizeLinear",
        ["MatMul"] = "DequantizeLinear",
        ["Gather"] = "DequantizeLinear",
    }.ToFrozenDictionary();

    /// <summary>How many steps more its kernels may be off than those between Q and DQ.</summary>
    public int MoreSteps { get; init; }

    /// <summary>How many decibels less (or more, where negative) its outputs keep.</summary>
    public double FewerDb { get; init; }

    public OperatorDecision Decision { get; } = Settings switch
    {
        { Format: ModelFormat.Dynamic } => OperatorDecision.Dynamic,
        { Format: ModelFormat.WeightOnly } => OperatorDecision.WeightOnly,
        { ActivationType: QuantizedType.U16 or QuantizedType.S16 } => OperatorDecision.Int16,
        _ => OperatorDecision.Int8,
    };

    /// <summary>Which of a case's operators become integers.</summary>
    public IEnumerable<string> Expected(GeneratedCase @case) => @case.Int8.Where(Kernels.ContainsKey).Distinct();

    /// <summary>For each of them, what there is in its place: one of several. Between Q and DQ it stays what it is.</summary>
    public IEnumerable<ImmutableArray<string>> Written(GeneratedCase @case) =>
        Expected(@case).Select(type => Settings.Format == ModelFormat.Qdq ? [type] : Kernels[type].Split('|').ToImmutableArray());

    public override string ToString() => Name;

    private FrozenDictionary<string, string> Kernels => Settings.Format switch
    {
        ModelFormat.Dynamic => Dynamic,
        ModelFormat.WeightOnly => WeightOnly,
        _ => Static,
    };
}
