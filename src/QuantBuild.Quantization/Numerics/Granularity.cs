using System.Collections.Immutable;

namespace QuantBuild.Quantization.Numerics;

/// <summary>Which elements of a tensor share a scale and a zero point.</summary>
internal abstract record Granularity
{
    /// <summary>The dimensions of the scales of a tensor: empty for one scale.</summary>
    public abstract ImmutableArray<long> ScaleDimensions(ImmutableArray<long> dimensions);

    /// <summary>The index of the scale of each element of a row-major tensor, as a function of the element's index.</summary>
    public abstract Func<int, int> GroupOf(ImmutableArray<long> dimensions);

    /// <summary>How many elements in a row, from every multiple of that on, belong to one group.</summary>
    public abstract int RunLength(ImmutableArray<long> dimensions);

    public int GroupCount(ImmutableArray<long> dimensions) => Product(ScaleDimensions(dimensions));

    private static int Product(IEnumerable<long> lengths) => checked((int)lengths.Aggregate(1L, (product, length) => product * length));

    internal sealed record PerTensor : Granularity
    {
        public override ImmutableArray<long> ScaleDimensions(ImmutableArray<long> dimensions) => [];

        public override Func<int, int> GroupOf(ImmutableArray<long> dimensions) => _ => 0;

        public override int RunLength(ImmutableArray<long> dimensions) => Math.Max(Product(dimensions), 1);
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

        public override int RunLength(ImmutableArray<long> dimensions) => Math.Max(Product(dimensions.Skip(Axis + 1)), 1);
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

        public override int RunLength(ImmutableArray<long> dimensions) => 1;
    }
}
