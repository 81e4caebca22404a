using System.Globalization;
using QuantBuild.Data.Arrays;
using QuantBuild.Onnx;

namespace QuantBuild.Data.Formats;

/// <summary>Labels: a class as a 32-bit integer, or a finite number for regression.</summary>
internal static class SampleLabel
{
    public static double Parse(string text, string source)
    {
        var digits = text.TrimStart('-', '+');
        var isInteger = digits.Length > 0 && digits.All(char.IsAsciiDigit);
        if (isInteger && int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var label))
        {
            return label;
        }

        return !isInteger && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? number
            : throw SampleError.Label(source, $"the label is '{text}'; expected the number of a class (0, 1, …, at most {int.MaxValue}) or a decimal number such as 0.5.");
    }

    public static double From(TensorData tensor, string source)
    {
        if (tensor.ElementCount != 1)
        {
            throw SampleError.Label(source, $"the label is {tensor}; expected one number.");
        }

        double number = tensor.Type switch
        {
            ElementType.Double => tensor.AsSpan<double>()[0],
            ElementType.Float or ElementType.Float16 => tensor.ToFloats()[0],
            ElementType.Boolean => tensor.Bytes.Span[0] == 0 ? 0 : 1,
            ElementType.UInt64 => tensor.AsSpan<ulong>()[0],
            _ when ElementConversion.IsInteger(tensor.Type) => ElementConversion.Convert(tensor, ElementType.Int64)!.AsSpan<long>()[0],
            _ => throw SampleError.Label(source, $"the label is {tensor}; expected one number."),
        };
        var isInRange = ElementConversion.IsInteger(tensor.Type) ? number is >= int.MinValue and <= int.MaxValue : double.IsFinite(number);
        return isInRange
            ? number
            : throw SampleError.Label(source, string.Create(CultureInfo.InvariantCulture, $"the label is {number}; expected the number of a class or a finite number."));
    }
}
