using System.Collections.Immutable;

namespace QuantBuild.Data.Arrays;

/// <summary>Whether an array has a shape that an input takes, and which.</summary>
internal static class ShapeFitting
{
    public static bool Fits(ImmutableArray<long> shape, ImmutableArray<long?> input)
    {
        if (input.IsDefault)
        {
            return true;
        }

        return shape.Length == input.Length && shape.Zip(input).All(pair => pair.Second is not { } dimension || dimension == pair.First);
    }

    /// <summary>
    /// The input's shape for an array that differs only in dimensions of 1, such as [49,10] for [?,1,49,10]; null where there
    /// is none. An open first dimension counts samples, so it becomes 1 where that is possible.
    /// </summary>
    public static ImmutableArray<long>? Fit(ImmutableArray<long> shape, ImmutableArray<long?> input)
    {
        if (Fits(shape, input))
        {
            return shape;
        }

        var lengths = shape.Where(dimension => dimension != 1).ToArray();
        var result = new long[input.Length];
        return Place(lengths, input, result, 0, 0) ? [.. result] : null;
    }

    private static bool Place(long[] lengths, ImmutableArray<long?> input, long[] result, int axis, int placed)
    {
        if (axis == input.Length)
        {
            return placed == lengths.Length;
        }

        bool Try(long dimension, int next)
        {
            result[axis] = dimension;
            return Place(lengths, input, result, axis + 1, next);
        }

        var hasNext = placed < lengths.Length;
        return input[axis] switch
        {
            1 => Try(1, placed),
            { } dimension => hasNext && lengths[placed] == dimension && Try(dimension, placed + 1),
            null when axis == 0 => Try(1, placed) || (hasNext && Try(lengths[placed], placed + 1)),
            null => (hasNext && Try(lengths[placed], placed + 1)) || Try(1, placed),
        };
    }
}
