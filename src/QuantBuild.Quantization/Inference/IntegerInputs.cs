using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Inference;

/// <summary>
/// Inputs that a model takes as integers where the float model takes floats, with what the integers stand for. The model's metadata say it, so that an
/// application, and an evaluation of a file alone, can read it there.
/// </summary>
internal sealed class IntegerInputs
{
    private const string Prefix = "quantbuild.input.";
    private const string Scale = ".scale";
    private const string ZeroPoint = ".zero_point";
    private const string Axis = ".axis";

    private IntegerInputs(ImmutableSortedDictionary<string, IntegerMeaning> meanings) => Meanings = meanings;

    /// <summary>By name.</summary>
    public ImmutableSortedDictionary<string, IntegerMeaning> Meanings { get; }

    public static IntegerInputs Of(Model model)
    {
        var meanings = ImmutableSortedDictionary.CreateBuilder<string, IntegerMeaning>(StringComparer.Ordinal);
        foreach (var input in model.Graph.Inputs)
        {
            var (scales, zeroPoints) = (NumbersOf(model, input, Scale), NumbersOf(model, input, ZeroPoint));
            if (!scales.IsEmpty && scales.Length == zeroPoints.Length)
            {
                var axis = NumbersOf(model, input, Axis);
                meanings[input.Name] = new(input.DeclaredType, [.. scales.Select(scale => (float)scale)], zeroPoints, axis.IsEmpty ? 1 : (int)axis[0]);
            }
        }

        return new(meanings.ToImmutable());
    }

    /// <summary>Makes an input of the model the integers themselves; those who read it are the caller's affair.</summary>
    public static void Declare(Model model, Value input, IntegerMeaning meaning)
    {
        input.DeclareType(meaning.Type);
        model.SetMetadata(Prefix + input.Name + Scale, string.Join(',', meaning.Scales.Select(scale => scale.ToString("R", CultureInfo.InvariantCulture))));
        model.SetMetadata(Prefix + input.Name + ZeroPoint, string.Join(',', meaning.ZeroPoints.Select(zero => zero.ToString("R", CultureInfo.InvariantCulture))));
        if (meaning.Scales.Length > 1)
        {
            model.SetMetadata(Prefix + input.Name + Axis, meaning.Axis.ToString(CultureInfo.InvariantCulture));
        }
    }

    /// <summary>The same inputs with integers in the place of floats, where the model takes integers; what already is of the model's type stays.</summary>
    public SampleInputs Convert(SampleInputs inputs)
    {
        var converted = inputs.Tensors;
        foreach (var (name, meaning) in Meanings)
        {
            if (converted.TryGetValue(name, out var tensor) && tensor.Type == ElementType.Float && meaning.ChannelsOf(tensor.Dimensions) is { } channelOf)
            {
                converted = converted.SetItem(name, Quantize(tensor, meaning, channelOf));
            }
        }

        return converted == inputs.Tensors ? inputs : new(converted) { Sequences = inputs.Sequences };
    }

    private static ImmutableArray<double> NumbersOf(Model model, Value input, string what)
    {
        var numbers = ImmutableArray.CreateBuilder<double>();
        foreach (var text in model.MetadataOf(Prefix + input.Name + what)?.Split(',') ?? [])
        {
            if (!double.TryParse(text, CultureInfo.InvariantCulture, out var number))
            {
                return [];
            }

            numbers.Add(number);
        }

        return numbers.ToImmutable();
    }

    private static TensorData Quantize(TensorData tensor, IntegerMeaning meaning, Func<int, int> channelOf)
    {
        var elements = tensor.AsSpan<float>();
        var integers = new int[elements.Length];
        for (var i = 0; i < integers.Length; i++)
        {
            // QuantizeLinear divides in single precision and rounds before it adds an integer; 0 is what it makes of NaN as far as anyone can say.
            var channel = channelOf(i);
            var (quotient, zero) = (elements[i] / meaning.Scales[channel], meaning.ZeroPoints[channel]);
            var (whole, rest) = (Math.Floor(zero), zero - Math.Floor(zero));
            integers[i] = (int)Math.Clamp(
                (float.IsNaN(quotient) ? 0 : Math.Round(quotient + rest, MidpointRounding.ToEven)) + whole, IntegerTypes.MinOf(meaning.Type), IntegerTypes.MaxOf(meaning.Type));
        }

        return IntegerTypes.ToTensor(meaning.Type, tensor.Dimensions, integers);
    }
}
