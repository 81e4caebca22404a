using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>The weights of a unit as the plan's form wants them. What is measured and what is written both come from here.</summary>
internal static class UnitWeights
{
    /// <summary>What was quantized once need not be again: a search writes many candidates with the same weights. Kept as long as the float weights are.</summary>
    private static readonly ConditionalWeakTable<TensorData, ConcurrentDictionary<(int, int, WeightScheme), QuantizedWeights>> Known = [];

    /// <summary>With the scales that the weights themselves want.</summary>
    public static QuantizedWeights Quantize(QuantizedUnit unit, TensorData weights, WeightScheme scheme)
    {
        var key = (unit.Rule.ChannelAxis!(unit.Node), unit.Rule.SumAxis(unit.Node), Suit(unit, scheme));
        return Known.GetOrCreateValue(weights).GetOrAdd(key, _ => Quantize(unit, weights, scheme, []));
    }

    /// <summary>The weights of all units, side by side: what is measured and written afterwards finds them done.</summary>
    public static void QuantizeAll(QuantizationPlan plan, SampleRun run) => Parallel.ForEach(
        plan.Units.Where(unit => unit.Rule is { ChannelAxis: not null, Role: not OperatorRole.Recurrent }),
        new ParallelOptions { MaxDegreeOfParallelism = run.Threads, CancellationToken = run.Cancellation },
        unit => Quantize(unit, plan.WeightsOf(unit), plan.Form.Weights));

    /// <summary>With scales that are not smaller than these; empty for none.</summary>
    public static QuantizedWeights Quantize(QuantizedUnit unit, TensorData weights, WeightScheme scheme, ImmutableArray<double> smallestScales)
    {
        var (channelAxis, sumAxis) = (unit.Rule.ChannelAxis!(unit.Node), unit.Rule.SumAxis(unit.Node));
        var suited = Suit(unit, scheme);
        return WeightQuantization.Quantize(weights, channelAxis, WeightQuantization.GranularityOf(suited, channelAxis, sumAxis), suited, smallestScales);
    }

    /// <summary>
    /// Weights of an LSTM, [directions, 4 · hidden, inputs], with the last two axes swapped, as ONNX Runtime's kernel has them. Each cell of each
    /// gate and direction has its own scale.
    /// </summary>
    public static QuantizedWeights QuantizeRecurrent(TensorData weights, WeightScheme scheme)
    {
        var (directions, cells, inputs) = (weights.Dimensions[0], weights.Dimensions[1], weights.Dimensions[2]);
        var rows = Rows(weights, scheme);
        var swapped = weights.Derive(scheme.Type, [directions, inputs, cells], out var bytes);
        for (var i = 0; i < (int)weights.ElementCount; i++)
        {
            var (row, column) = ((int)(i / inputs), (int)(i % inputs));
            var (direction, cell) = ((int)(row / cells), (int)(row % cells));
            IntegerTypes.Set(bytes, scheme.Type, (int)((((direction * inputs) + column) * cells) + cell), IntegerTypes.At(rows.Elements, i));
        }

        return new(swapped, rows.Parameters);
    }

    /// <summary>The floats that quantized weights of an LSTM stand for, one row for each cell.</summary>
    public static TensorData RoundRecurrent(TensorData weights, WeightScheme scheme) => WeightQuantization.Dequantize(Rows(weights, scheme));

    private static QuantizedWeights Rows(TensorData weights, WeightScheme scheme) =>
        WeightQuantization.Quantize(weights.Reshape([weights.Dimensions[0] * weights.Dimensions[1], weights.Dimensions[2]]), 0, new Granularity.PerChannel(0), scheme.Range == WeightRange.KernelPairs ? scheme with { Range = WeightRange.AnyPair } : scheme, []);

    /// <summary>Matrices alone have kernels for blocks, and tables are looked up in bytes.</summary>
    public static WeightScheme Suit(QuantizedUnit unit, WeightScheme scheme)
    {
        var suited = scheme with { Range = RangeOf(unit, scheme.Range) };
        return unit.Rule.Role switch
        {
            OperatorRole.Embedding when scheme.Type.BitsPerElement() != 8 => suited with { Type = ElementType.Int8, IsSymmetric = true, Granularity = WeightGranularity.PerChannel },
            OperatorRole.Linear when unit.Rule.OpType is "MatMul" or "Gemm" => suited,
            _ when scheme.Granularity == WeightGranularity.PerBlock => suited with { Granularity = WeightGranularity.PerChannel },
            _ => suited,
        };
    }

    /// <summary>What no pair of products can exceed, where there are such pairs, by what is known of the kernel.</summary>
    private static WeightRange RangeOf(QuantizedUnit unit, WeightRange range) => range switch
    {
        WeightRange.Reduced => range,
        // No byte of an activation meets these.
        _ when unit.Form == UnitForm.WeightOnly => WeightRange.Full,
        WeightRange.KernelPairs => unit.Rule.OpType switch
        {
            "Conv" when KernelOrder.IsDepthwise(unit.Node.Input(1)!.Constant!.Dimensions, unit.Node.Int("group", 1)) => WeightRange.Full,
            "Conv" or "MatMul" or "Gemm" when unit.Rule.Role == OperatorRole.Linear => range,
            _ => WeightRange.AnyPair,
        },
        _ => range,
    };
}
