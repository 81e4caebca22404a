using System.Collections.Immutable;
using QuantBuild.Onnx;
using static QuantBuild.Quantization.Passes.Opsets.NodeEdits;

namespace QuantBuild.Quantization.Passes.Opsets;

/// <summary>
/// Every operator whose meaning or form changed incompatibly up to opset 21. All others only took on more types, or attributes whose defaults are
/// what they did before. Changes between versions that ONNX Runtime has no kernels for (arithmetic and recurrent networks before opset 7, most
/// activations before 6) have no row: such a model does not run in the first place.
/// </summary>
internal static class OpsetAdapters
{
    private static readonly string[] ReductionsWithAxesFrom18 =
    [
        "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSumSquare",
    ];

    private static readonly OpsetAdapter[] Rows =
    [
        new("Reshape", 5, node => AttributeToInput(node, "shape", 1)),
        new("BatchNormalization", 9, NormalizationAdapters.DropSpatial),
        new("MeanVarianceNormalization", 9, NormalizationAdapters.ChannelsToAxes),
        new("Upsample", 9, ResizeAdapters.ScalesToInput),
        new("Scan", 9, StructureAdapters.ScanOfBatches),
        new("Upsample", 10, ResizeAdapters.UpsampleToResize),
        new("Dropout", 10, StructureAdapters.DropoutMask(isBoolean: false)),
        new("Slice", 10, SliceInputs),
        new("TopK", 10, TopKInput),
        new("Affine", 10, ExperimentalAdapters.Affine),
        new("Crop", 10, ExperimentalAdapters.Crop),
        new("DynamicSlice", 10, node => Replace(node, "Slice", node.Inputs.ToArray()) is not null),
        new("ImageScaler", 10, ExperimentalAdapters.ImageScaler),
        new("ParametricSoftplus", 10, ExperimentalAdapters.ParametricSoftplus),
        new("Scale", 10, ExperimentalAdapters.Scale),
        new("ScaledTanh", 10, ExperimentalAdapters.ScaledTanh),
        new("Resize", 11, ResizeAdapters.SpellCoordinates),
        new("Clip", 11, ClipInputs),
        new("Pad", 11, PadInputs),
        new("Scatter", 11, node => Replace(node, "ScatterElements", node.Inputs.ToArray()) is not null),
        new("Dropout", 12, (node, types) => StructureAdapters.DropoutMask(isBoolean: true)(node, types) && Drop(node, "ratio")),
        new("Squeeze", 13, node => AttributeToInput(node, "axes", 1)),
        new("Unsqueeze", 13, node => AttributeToInput(node, "axes", 1)),
        new("ReduceSum", 13, node => AttributeToInput(node, "axes", 1)),
        new("Split", 13, node => AttributeToInput(node, "split", 1)),
        .. new[] { "Softmax", "LogSoftmax", "Hardmax" }.Select(type => new OpsetAdapter(type, 13, FlattenedSoftmax)),
        new("BatchNormalization", 14, NormalizationAdapters.SpellTraining),
        new("RoiAlign", 16, node => Default(node, "coordinate_transformation_mode", "output_half_pixel")),
        .. ReductionsWithAxesFrom18.Select(type => new OpsetAdapter(type, 18, node => AttributeToInput(node, "axes", 1))),
        new("Split", 18, CountOutputs),
        new("DFT", 20, DftAxis),
        new("GridSample", 20, GridSampleMode),
        new("GroupNormalization", 21, NormalizationAdapters.GroupsToChannels),
    ];

    public static ILookup<(string OpType, long ChangedIn), OpsetAdapter> All { get; } = Rows.ToLookup(adapter => (adapter.OpType, adapter.ChangedIn));

    private static bool Default(Node node, string attribute, string value)
    {
        if (!node.Attributes.ContainsKey(attribute))
        {
            node.Set(attribute, value);
        }

        return true;
    }

    private static bool SliceInputs(Node node)
    {
        var (starts, axes) = (node.Ints("starts"), node.Ints("axes"));
        AttributeToInput(node, "starts", 1);
        AttributeToInput(node, "ends", 2);
        ImmutableArray<long> given = axes.IsDefault ? [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)] : axes;
        node.SetInput(3, Constant(node, "axes", TensorData.Vector(given.AsSpan())));
        return Drop(node, "axes");
    }

    private static bool TopKInput(Node node)
    {
        node.SetInput(1, node.Graph.AddInitializer("k", TensorData.Vector(node.Int("k", 1))));
        return Drop(node, "k");
    }

    private static bool ClipInputs(Node node, InferredTypes types)
    {
        var type = types.TypeOf(node.Input(0));
        foreach (var (index, name) in new[] { (1, "min"), (2, "max") })
        {
            if (node.Attributes.TryGetValue(name, out var bound))
            {
                node.SetInput(index, Constant(node, name, Scalar(bound.Float, type)));
            }
        }

        return Drop(node, "min", "max");
    }

    private static bool PadInputs(Node node, InferredTypes types)
    {
        AttributeToInput(node, "pads", 1);
        if (node.Float("value", 0) is not 0 and var value)
        {
            node.SetInput(2, Constant(node, "value", Scalar(value, types.TypeOf(node.Input(0)))));
        }

        return Drop(node, "value");
    }

    /// <summary>Before opset 13 everything from the axis on was one row; only on the last axis is that the same as now.</summary>
    private static bool FlattenedSoftmax(Node node, InferredTypes types)
    {
        var (axis, input) = (node.Int("axis", 1), node.Input(0)!);
        if (axis != -1 && axis != types.RankOf(input) - 1)
        {
            var flat = Before(node, "Flatten", "flat", input);
            flat.Producer!.Set("axis", axis);
            var rows = Before(node, node.OpType, "rows", flat);
            rows.Producer!.Set("axis", -1L);
            types.Declare(node.Output);
            node.Graph.Replace(node, "Reshape", [rows, Before(node, "Shape", "shape", input)]);
            return true;
        }

        node.Set("axis", -1L);
        return true;
    }

    /// <summary>Equal parts are from then on asked for by their number.</summary>
    private static bool CountOutputs(Node node)
    {
        if (node.Input(1) is null)
        {
            node.SetInputs(node.Input(0));
            node.Set("num_outputs", (long)node.Outputs.Count);
        }

        return true;
    }

    private static bool DftAxis(Node node)
    {
        node.SetInput(2, Constant(node, "axis", TensorData.Scalar(node.Int("axis", 1))));
        return Drop(node, "axis");
    }

    private static bool GridSampleMode(Node node)
    {
        var mode = node.Text("mode", "bilinear");
        node.Set("mode", mode switch { "bilinear" => "linear", "bicubic" => "cubic", _ => mode });
        return true;
    }
}
