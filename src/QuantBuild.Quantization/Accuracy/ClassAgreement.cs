using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>
/// The share of positions at which both models have the same class first. Where more than half of many positions have one class, as background of a scene, or blank
/// between letters, agreement on that is no news: what counts is the positions at which one of the models has something else. A detector that finds
/// none of a dozen faces agrees at all others of four thousand anchors.
/// </summary>
internal static class ClassAgreement
{
    /// <summary>Of all outputs that hold class scores; of the first where none does.</summary>
    public static double Of(Outcome outcome)
    {
        var pairs = outcome.Reference.Zip(outcome.Actual).ToArray();
        var scores = pairs.Length == 1 ? pairs : [.. pairs.Where(pair => OutputKinds.Of(pair.First) is OutputKind.ClassScores or OutputKind.DenseScores)];
        return (scores.Length == 0 ? pairs[..1] : scores).Average(pair => Of(pair.First, pair.Second));
    }

    private static double Of(TensorData reference, TensorData actual)
    {
        var (expected, got) = (FirstClasses(reference), FirstClasses(actual));
        var background = ClassAxis.Of(reference).IsDense ? MostFrequent(expected) : null;
        var (equal, counted) = (0, 0);

        // Where how many there are depends on the data, those that the other model lacks are no agreement.
        for (var position = 0; position < Math.Max(expected.Length, got.Length); position++)
        {
            var (one, other) = (ClassAt(expected, position), ClassAt(got, position));
            if (background is null || one != background || other != background)
            {
                counted++;
                equal += one == other ? 1 : 0;
            }
        }

        return counted == 0 ? 1 : (double)equal / counted;
    }

    /// <summary>The class of more than half of the positions; null where there is none.</summary>
    private static int? MostFrequent(int[] classes)
    {
        var most = classes.CountBy(position => position).MaxBy(entry => entry.Value);
        return most.Value > classes.Length / 2 ? most.Key : null;
    }

    private static int? ClassAt(int[] classes, int position) => position < classes.Length ? classes[position] : null;

    private static int[] FirstClasses(TensorData scores)
    {
        var axis = ClassAxis.Of(scores);
        var (elements, first) = (scores.ToFloats(), new int[axis.Positions]);
        if (ClassAxis.AreNumbers(scores))
        {
            return Array.ConvertAll(elements, element => (int)element);
        }

        for (var position = 0; position < first.Length; position++)
        {
            var start = axis.StartOf(position);
            for (var index = 1; index < axis.Classes; index++)
            {
                first[position] = elements[start + (index * axis.Stride)] > elements[start + (first[position] * axis.Stride)] ? index : first[position];
            }
        }

        return first;
    }
}
