using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration;

/// <summary>Finds inputs that hold the bytes of images: whole numbers from 0 to 255, as they are or divided by 255.</summary>
internal static class ByteInputs
{
    /// <summary>A quotient and a product with the reciprocal differ by no more, relative to either.</summary>
    private const double Rounding = 1.0 / (1 << 22);

    /// <summary>Fewer different ones are no image: a mask, a state that starts at 0, one class of a few.</summary>
    private const int FewestLevels = 17;

    private static readonly ImmutableArray<float> Steps = [1f / byte.MaxValue, 1f];

    /// <summary>By name, with the parameters under which the bytes themselves are the integers; nothing where there is no sample.</summary>
    public static ImmutableDictionary<string, QuantizationParameters> Find(Model model, SampleRun samples)
    {
        string[] names = [.. model.Graph.Inputs.Where(input => !input.HasConstant && input.DeclaredType == ElementType.Float).Select(input => input.Name)];
        var fits = new bool[samples.Count, names.Length, Steps.Length];
        var levels = names.Select(_ => Steps.Select(_ => new bool[byte.MaxValue + 1]).ToArray()).ToArray();
        samples.ForEach("Looking at inputs", (position, sample) =>
        {
            foreach (var (index, name) in names.Index())
            {
                foreach (var (candidate, step) in Steps.Index())
                {
                    fits[position, index, candidate] = sample.Inputs.Tensors.TryGetValue(name, out var tensor) && tensor.Type == ElementType.Float && IsOn(tensor.AsSpan<float>(), step, levels[index][candidate]);
                }
            }
        });
        return samples.Count == 0 ? ImmutableDictionary<string, QuantizationParameters>.Empty : names.Index()
            .Select(entry => (Name: entry.Item, Step: Steps.Index().FirstOrDefault(step => levels[entry.Index][step.Index].Count(isSeen => isSeen) >= FewestLevels && Enumerable.Range(0, samples.Count).All(position => fits[position, entry.Index, step.Index])).Item))
            .Where(entry => entry.Step > 0).ToImmutableDictionary(entry => entry.Name, entry => QuantizationParameters.PerTensor(ElementType.UInt8, entry.Step, 0));
    }

    private static bool IsOn(ReadOnlySpan<float> elements, float step, bool[] levels)
    {
        foreach (var element in elements)
        {
            var multiple = Math.Round(element / (double)step);
            if (!(multiple is >= 0 and <= byte.MaxValue && Math.Abs(element - (multiple * step)) <= multiple * step * Rounding))
            {
                return false;
            }

            // Threads write the same value, if any.
            levels[(int)multiple] = true;
        }

        return true;
    }
}
