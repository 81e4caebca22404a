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

    private IntegerInputs(ImmutableSortedDictionary<string, QuantizationParameters> parameters) => Parameters = parameters;

    /// <summary>By name.</summary>
    public ImmutableSortedDictionary<string, QuantizationParameters> Parameters { get; }

    public static IntegerInputs Of(Model model)
    {
        var parameters = ImmutableSortedDictionary.CreateBuilder<string, QuantizationParameters>(StringComparer.Ordinal);
        foreach (var input in model.Graph.Inputs)
        {
            if (model.MetadataOf(Prefix + input.Name + Scale) is { } scale && float.TryParse(scale, CultureInfo.InvariantCulture, out var step)
                && model.MetadataOf(Prefix + input.Name + ZeroPoint) is { } zero && int.TryParse(zero, CultureInfo.InvariantCulture, out var zeroPoint))
            {
                parameters[input.Name] = QuantizationParameters.PerTensor(input.DeclaredType, step, zeroPoint);
            }
        }

        return new(parameters.ToImmutable());
    }

    /// <summary>Makes an input of the model the integers themselves; those who read it are the caller's affair.</summary>
    public static void Declare(Model model, Value input, QuantizationParameters parameters)
    {
        input.DeclareType(parameters.Type);
        model.SetMetadata(Prefix + input.Name + Scale, parameters.Scale.ToString("R", CultureInfo.InvariantCulture));
        model.SetMetadata(Prefix + input.Name + ZeroPoint, parameters.ZeroPoint.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>The same inputs with integers in the place of floats, where the model takes integers; what already is of the model's type stays.</summary>
    public SampleInputs Convert(SampleInputs inputs)
    {
        var converted = inputs.Tensors;
        foreach (var (name, parameters) in Parameters)
        {
            if (converted.TryGetValue(name, out var tensor) && tensor.Type == ElementType.Float)
            {
                converted = converted.SetItem(name, Quantize(tensor, parameters));
            }
        }

        return converted == inputs.Tensors ? inputs : new(converted) { Sequences = inputs.Sequences };
    }

    private static TensorData Quantize(TensorData tensor, QuantizationParameters parameters)
    {
        var elements = tensor.AsSpan<float>();
        var integers = new int[elements.Length];
        for (var i = 0; i < integers.Length; i++)
        {
            // QuantizeLinear divides in single precision, and 0 is what it makes of NaN as far as anyone can say.
            var quotient = elements[i] / parameters.Scale;
            integers[i] = float.IsNaN(quotient) ? parameters.ZeroPoint : (int)Math.Clamp(
                MathF.Round(quotient, MidpointRounding.ToEven) + parameters.ZeroPoint, IntegerTypes.MinOf(parameters.Type), IntegerTypes.MaxOf(parameters.Type));
        }

        return IntegerTypes.ToTensor(parameters.Type, tensor.Dimensions, integers);
    }
}
