using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using QuantBuild.Data.Arrays;
using QuantBuild.Onnx;

namespace QuantBuild.Data.Formats;

/// <summary>
/// A folder as ONNX's own tests have it: <c>input_0.pb</c>, <c>input_1.pb</c>, … with the values of the model's inputs in their order. What lies
/// there as <c>output_0.pb</c> is not read. The only format for inputs that are sequences.
/// </summary>
internal sealed class TestDataFile : SampleFile
{
    private const string Extension = ".pb";
    private readonly SampleContext _context;
    private readonly string[] _files;

    private TestDataFile(string path, SampleContext context, string[] files)
        : base(path, context.NameOf(path))
    {
        _context = context;
        _files = files;
    }

    public override ImmutableArray<string> Companions => [.. _files.Where(file => file != Path)];

    public static bool Matches(string name) => NumberOf(name, "input_") is not null || NumberOf(name, "output_") is not null;

    /// <summary>The folder's first file brings the sample; where a model has no inputs, that is an output.</summary>
    public static IEnumerable<SampleEntry> List(string path, SampleContext context)
    {
        var folder = System.IO.Path.GetDirectoryName(path)!;
        var files = Directory.GetFiles(folder).ToLookup(file => NumberOf(file, "input_") is not null);
        string[] inputs = [.. files[true].OrderBy(file => NumberOf(file, "input_"))];
        var first = inputs.Length > 0 ? inputs[0] : files[false].Where(file => Matches(file)).Order(StringComparer.Ordinal).First();
        return path == first ? SampleFormats.Entries(new TestDataFile(path, context, inputs)) : [];
    }

    public override SampleInputs Read(int index)
    {
        var tensors = ImmutableDictionary.CreateBuilder<string, TensorData>();
        var sequences = ImmutableDictionary.CreateBuilder<string, ImmutableArray<TensorData>>();
        foreach (var file in _files)
        {
            var source = _context.NameOf(file);
            var (input, value) = ReadValue(file, source);
            if (value.IsAbsent)
            {
                continue;
            }

            var array = new ArrayInput(input, source);
            if (input.Kind is InputKind.Tensor or InputKind.OptionalTensor)
            {
                tensors[input.Name] = array.Accept(value.Tensors[0]);
            }
            else
            {
                sequences[input.Name] = [.. value.Tensors.Select(array.Accept)];
            }
        }

        RequireAll(name => tensors.ContainsKey(name) || sequences.ContainsKey(name));
        return new(tensors.ToImmutable()) { Sequences = sequences.ToImmutable() };
    }

    public override void AppendContent(int index, IncrementalHash hash)
    {
        foreach (var file in _files)
        {
            var bytes = File.ReadAllBytes(file);
            hash.AppendData(BitConverter.GetBytes(NumberOf(file, "input_")!.Value));
            hash.AppendData(BitConverter.GetBytes(bytes.LongLength));
            hash.AppendData(bytes);
        }
    }

    private static int? NumberOf(string path, string prefix)
    {
        var name = System.IO.Path.GetFileName(path);
        return name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) && name.EndsWith(Extension, StringComparison.OrdinalIgnoreCase)
            && int.TryParse(name.AsSpan()[prefix.Length..^Extension.Length], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number : null;
    }

    private static StoredValue Parse(byte[] bytes, InputSpecification input, string source)
    {
        try
        {
            return input.Kind switch
            {
                InputKind.Tensor => TensorFile.ReadTensor(bytes),
                InputKind.Sequence => TensorFile.ReadSequence(bytes),
                InputKind.OptionalTensor or InputKind.OptionalSequence => TensorFile.ReadOptional(bytes),
                _ => throw SampleError.Input(source, $"the model's input '{input.Name}' is neither a tensor nor a sequence of tensors, and no format of data holds others."),
            };
        }
        catch (FormatException exception)
        {
            throw SampleError.Unreadable(source, exception.Message.TrimEnd('.'), exception);
        }
    }

    /// <summary>The number says which input the file is for, unless the value bears the name of another one.</summary>
    private (InputSpecification Input, StoredValue Value) ReadValue(string file, string source)
    {
        var number = NumberOf(file, "input_")!.Value;
        if (number >= _context.Inputs.Length)
        {
            throw _context.WrongKeys(source, $"the model has no input number {number}");
        }

        var input = _context.Inputs[number];
        var value = Parse(File.ReadAllBytes(file), input, source);
        return (_context.Inputs.FirstOrDefault(other => other.Name == value.Name && other.Kind == input.Kind) ?? input, value);
    }

    private void RequireAll(Func<string, bool> isGiven)
    {
        if (_context.Inputs.FirstOrDefault(input => input.Kind is InputKind.Tensor or InputKind.Sequence && !isGiven(input.Name)) is { } missing)
        {
            throw SampleError.Input(Name, $"the folder has no value for the model's input '{missing.Name}'; expected input_0.pb to input_{_context.Inputs.Length - 1}.pb.");
        }
    }
}
