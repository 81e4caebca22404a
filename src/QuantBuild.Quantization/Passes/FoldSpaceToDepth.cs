using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// A convolution behind SpaceToDepth, or behind strided Slices and a Concat that spell it out (the "focus" of YOLO models), reads the plane itself:
/// with blocks of b, a kernel of k and a stride of s become b · k and b · s. The products are the same; nothing is copied around any more.
/// </summary>
internal sealed class FoldSpaceToDepth : GraphPass
{
    public override void Run(Model model)
    {
        foreach (var node in Bodies.Nodes(model.Graph).Where(node => node.Is("Conv")).ToArray())
        {
            if (node.Input(0) is { IsGraphOutput: false, Consumers.Count: 1, Producer: { } rearrangement } && rearrangement.Graph == node.Graph
                && node.Int("group", 1) == 1 && node.Text("auto_pad", "NOTSET") is "NOTSET" or "VALID"
                && (node.Ints("dilations").IsDefault || node.Ints("dilations").All(step => step == 1))
                && node.Input(1) is { IsConstant: true, Constant: { Type: ElementType.Float } weights }
                && BlocksOf(rearrangement, weights.Rank) is { } blocks && weights.Dimensions[1] % blocks.Offsets.Length == 0)
            {
                Fold(node, weights, blocks);
                rearrangement.Graph.Remove(rearrangement);
            }
        }
    }

    private static void Fold(Node convolution, TensorData weights, Blocks blocks)
    {
        ImmutableArray<long> Enlarged(string attribute, long fallback) =>
            [.. (convolution.Ints(attribute) is { IsDefault: false } given ? given : [.. Enumerable.Repeat(fallback, blocks.Lengths.Length)]).Select((value, axis) => value * blocks.Lengths[axis % blocks.Lengths.Length])];

        var enlarged = Enlarge(weights, blocks);
        convolution.Set("kernel_shape", enlarged.Dimensions[2..]);
        convolution.Set("strides", Enlarged("strides", 1));
        if (!convolution.Ints("pads").IsDefault)
        {
            convolution.Set("pads", Enlarged("pads", 0));
        }

        convolution.SetInput(0, blocks.Source);
        convolution.SetInput(1, convolution.Graph.AddInitializer(convolution.Input(1)!.Name + "_blocks", enlarged));
    }

    /// <summary>The weight at tap k of channel n · C + c multiplies channel c of the plane at tap b · k + the offset of block n.</summary>
    private static TensorData Enlarge(TensorData weights, Blocks blocks)
    {
        var (outputs, channels) = (weights.Dimensions[0], weights.Dimensions[1] / blocks.Offsets.Length);
        ImmutableArray<long> kernel = [.. weights.Dimensions.Skip(2)];
        ImmutableArray<long> enlarged = [.. kernel.Zip(blocks.Lengths, (taps, length) => taps * length)];
        var (taps, enlargedTaps) = (kernel.Aggregate(1L, (product, length) => product * length), enlarged.Aggregate(1L, (product, length) => product * length));
        var elements = weights.AsSpan<float>();
        var tensor = weights.Derive<float>([outputs, channels, .. enlarged], out var result);
        for (var i = 0; i < elements.Length; i++)
        {
            var (plane, tap) = ((int)(i / taps), i % taps);
            var (output, channel) = ((int)(plane / weights.Dimensions[1]), plane % weights.Dimensions[1]);
            var offset = blocks.Offsets[(int)(channel / channels)];
            var (position, pitch) = (0L, 1L);
            for (var axis = kernel.Length - 1; axis >= 0; axis--)
            {
                position += ((tap % kernel[axis] * blocks.Lengths[axis]) + offset[axis]) * pitch;
                (tap, pitch) = (tap / kernel[axis], pitch * enlarged[axis]);
            }

            result[(int)((((output * channels) + (channel % channels)) * enlargedTaps) + position)] = elements[i];
        }

        return tensor;
    }

    /// <summary>Null where the node is no such rearrangement, or not every place of a block is there exactly once.</summary>
    private static Blocks? BlocksOf(Node node, int rank)
    {
        if (node.Is("SpaceToDepth") && rank == 4 && node.Input(0) is { } plane)
        {
            var length = node.Int("blocksize", 1);
            return new(plane, [length, length], [.. Enumerable.Range(0, (int)(length * length)).Select(index => ImmutableArray.Create(index / length, index % length))]);
        }

        if (!node.Is("Concat") || (node.Int("axis", 1) is var axis && axis != 1 && axis != 1 - rank) || node.Inputs.Any(input => input is null))
        {
            return null;
        }

        var views = node.Inputs.Select(input => View.Of(input!, rank)).ToArray();
        var (source, steps) = (views[0].Source, views[0].Steps);
        var places = steps.Aggregate(1L, (product, step) => product * step);
        return places > 1 && places == views.Length && views.All(view => view.Source == source && view.Steps.SequenceEqual(steps) && view.Starts.Zip(steps).All(entry => entry.First < entry.Second))
            && views.Select(view => string.Join(',', view.Starts)).Distinct().Count() == views.Length
            ? new(source, steps, [.. views.Select(view => view.Starts)])
            : null;
    }

    /// <summary>A block's length on each axis of the plane, and for each group of channels where in the block it lies.</summary>
    private sealed record Blocks(Value Source, ImmutableArray<long> Lengths, ImmutableArray<ImmutableArray<long>> Offsets);

    /// <summary>Every so many elements of a plane, from a start to the end, on each of its axes: what Slices of Slices see of their source.</summary>
    private sealed record View(Value Source, ImmutableArray<long> Starts, ImmutableArray<long> Steps)
    {
        public static View Of(Value value, int rank) =>
            value.Producer is { } node && node.Graph == value.Graph && node.Is("Slice") && node.Input(0) is { } source && Cuts(node, rank) is { } cuts
                ? cuts.Aggregate(Of(source, rank), (view, cut) => view.Cut(cut.Axis, cut.Start, cut.Step))
                : new(value, [.. new long[rank - 2]], Repeated(1, rank - 2));

        private View Cut(int axis, long start, long step) => this with
        {
            Starts = Starts.SetItem(axis, Starts[axis] + (start * Steps[axis])),
            Steps = Steps.SetItem(axis, Steps[axis] * step),
        };

        /// <summary>Null where a Slice does anything but leave out places of the plane from a start to the end.</summary>
        private static ImmutableArray<(int Axis, long Start, long Step)>? Cuts(Node slice, int rank)
        {
            if (Numbers(slice, 1) is not { } starts || Numbers(slice, 2) is not { } ends
                || Numbers(slice, 3, [.. Enumerable.Range(0, starts.Length)]) is not { } axes || Numbers(slice, 4, Repeated(1, starts.Length)) is not { } steps)
            {
                return null;
            }

            ImmutableArray<(int Axis, long Start, long Step)> cuts = [.. axes.Select((axis, index) => ((int)(axis < 0 ? axis + rank : axis) - 2, starts[index], steps[index]))];
            return cuts.All(cut => cut is { Axis: >= 0, Start: >= 0, Step: >= 1 }) && ends.All(end => end >= int.MaxValue) ? cuts : null;
        }

        private static ImmutableArray<long> Repeated(long value, int count) => [.. Enumerable.Repeat(value, count)];

        /// <summary>Null where the input is no constant; <paramref name="fallback"/> where there is none.</summary>
        private static ImmutableArray<long>? Numbers(Node node, int input, ImmutableArray<long>? fallback = null) => node.Input(input) switch
        {
            null => fallback,
            { IsConstant: true, Constant: { Type: ElementType.Int64 or ElementType.Int32 } constant } => constant.ToLongs(),
            _ => null,
        };
    }
}
