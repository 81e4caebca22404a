using System.Collections.Immutable;

namespace QuantBuild.Quantization.Numerics;

/// <summary>Which elements of a tensor share a scale and a zero point.</summary>
internal abstract record Granularity
{
    /// <summary>The dimensions of the scales of a tensor: empty for one scale.</summary>
    public abstract ImmutableArray<long> ScaleDimensions(ImmutableArray<long> dimensions);

    /// <summary>The index of the scale of each element of a row-major tensor, as a function of the element's index.</summary>
    public abstract Func<int, int> GroupOf(ImmutableArray<long> dimensions);

    /// <summary>The elements of a row-major tensor in order, in stretches whose groups are known from their beginning.</summary>
    public abstract IEnumerable<GroupRun> Runs(ImmutableArray<long> dimensions);

    public int GroupCount(ImmutableArray<long> dimensions) => Product(ScaleDimensions(dimensions));

    private static int Product(IEnumerable<long> lengths) => checked((int)lengths.Aggregate(1L, (product, length) => product * length));

    internal sealed record PerTensor : Granularity
    {
        public override ImmutableArray<long> ScaleDimensions(ImmutableArray<long> dimensions) => [];

        public override Func<int, int> GroupOf(ImmutableArray<long> dimensions) => _ => 0;

        public override IEnumerable<GroupRun> Runs(ImmutableArray<long> dimensions) => [new(0, Product(dimensions), 0, 0)];
    }

    /// <summary>One scale for each index along an axis.</summary>
    internal sealed record PerChannel(int Axis) : Granularity
    {
        public override ImmutableArray<long> ScaleDimensions(ImmutableArray<long> dimensions) => [dimensions[Axis]];

        public override Func<int, int> GroupOf(ImmutableArray<long> dimensions)
        {
            var (channels, inner) = ((int)dimensions[Axis], Product(dimensions.Skip(Axis + 1)));
            return index => index / inner % channels;
        }

        public override IEnumerable<GroupRun> Runs(ImmutableArray<long> dimensions)
        {
            var (all, channels, inner) = (Product(dimensions), (int)dimensions[Axis], Product(dimensions.Skip(Axis + 1)));
            var (length, step) = inner == 1 ? (channels, 1) : (inner, 0);
            for (var start = 0; start < all; start += length)
            {
                yield return new(start, length, start / inner % channels, step);
            }
        }
    }

    /// <summary>One scale for each run of <paramref name="Size"/> elements along an axis; the last run may be shorter.</summary>
    internal sealed record PerBlock(int Axis, int Size) : Granularity
    {
        public override ImmutableArray<long> ScaleDimensions(ImmutableArray<long> dimensions) =>
            dimensions.SetItem(Axis, (dimensions[Axis] + Size - 1) / Size);

        public override Func<int, int> GroupOf(ImmutableArray<long> dimensions)
        {
            var (length, inner) = ((int)dimensions[Axis], Product(dimensions.Skip(Axis + 1)));
            var (blocks, size) = ((length + Size - 1) / Size, Size);
            return index =>
            {
                var row = index / inner;
                return (((row / length * blocks) + (row % length / size)) * inner) + (index % inner);
            };
        }

        public override IEnumerable<GroupRun> Runs(ImmutableArray<long> dimensions)
        {
            var (all, length, inner) = (Product(dimensions), (int)dimensions[Axis], Product(dimensions.Skip(Axis + 1)));
            var group = GroupOf(dimensions);
            for (var start = 0; start < all;)
            {
                var run = inner == 1 ? new GroupRun(start, Math.Min(Size, length - (start % length)), group(start), 0) : new(start, inner, group(start), 1);
                yield return run;
                start += run.Length;
            }
        }
    }
}

/// <summary>Elements that follow one another, from <paramref name="Start"/> on: the groups of two neighbours are <paramref name="Step"/> apart, 0 for one group or 1.</summary>
internal readonly record struct GroupRun(int Start, int Length, int Group, int Step)
{
    public int GroupOf(int offset) => Group + (offset * Step);
}
