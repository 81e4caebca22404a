using System.Collections.Immutable;
using System.IO.Compression;
using System.IO.Hashing;
using System.Security.Cryptography;
using System.Text;
using QuantBuild.Data.Arrays;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Formats;

/// <summary>A .npz file: one sample, an array for each input of the model.</summary>
internal sealed class NpzSampleFile : SampleFile
{
    private const string LabelKey = "label";

    /// <summary>The most that deflate can shrink; an entry that claims more is damaged, and is not given the memory.</summary>
    private const int BestRatio = 1032;

    private readonly SampleContext _context;
    private readonly double? _label;

    public NpzSampleFile(string path, SampleContext context)
        : base(path, context.NameOf(path))
    {
        _context = context;
        _label = InputNamed(LabelKey) is null ? Open(ReadLabel) : null;
    }

    public override double? LabelOf(int index) => _label;

    public override SampleInputs Read(int index) => Open<SampleInputs>(arrays =>
    {
        if (_context.Inputs.FirstOrDefault(input => input.Kind is InputKind.Sequence or InputKind.OptionalSequence or InputKind.Other) is { } other)
        {
            throw SampleError.Input(Name, $"the model's input '{other.Name}' is no tensor, and .npz holds nothing else; sequences come in folders of input_0.pb, input_1.pb, …, as ONNX's own tests have them.");
        }

        var missing = _context.Inputs.Where(input => input.Kind is InputKind.Tensor && !arrays.ContainsKey(input.Name)).Select(input => input.Name).ToArray();
        if (missing.Length > 0)
        {
            throw _context.WrongKeys(Name, $"the archive lacks {Quote(missing)} and has {(arrays.Count == 0 ? "nothing" : Quote(arrays.Keys))}");
        }

        var extra = arrays.Keys.Where(key => key != LabelKey && InputNamed(key) is null).ToArray();
        bool IsGiven(InputSpecification input) => input.Kind is InputKind.Tensor || (input.Kind is InputKind.OptionalTensor && arrays.ContainsKey(input.Name));
        return extra.Length == 0
            ? _context.Inputs.Where(IsGiven).ToImmutableDictionary(input => input.Name, input => ReadInput(arrays[input.Name], input))
            : throw _context.WrongKeys(Name, $"the archive has {Quote(extra)}, which the model does not take");
    });

    /// <summary>Without the label, so that the sample is known again where its label is not given.</summary>
    public override void AppendContent(int index, IncrementalHash hash) => Open(arrays =>
    {
        foreach (var (key, entry) in arrays.Where(array => InputNamed(array.Key) is not null).OrderBy(array => array.Key, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{key}\0"));
            hash.AppendData(ReadBytes(entry));
        }

        return true;
    });

    private static string Quote(IEnumerable<string> names) => string.Join(", ", names.Order(StringComparer.Ordinal).Select(name => $"'{name}'"));

    private InputSpecification? InputNamed(string key) => _context.Inputs.FirstOrDefault(input => input.Name == key);

    private double? ReadLabel(Dictionary<string, ZipArchiveEntry> arrays)
    {
        if (!arrays.TryGetValue(LabelKey, out var entry))
        {
            return null;
        }

        var (header, elements) = ReadArray(entry);
        var opaque = header.Type.IsOpaque
            ? throw SampleError.Label(Name, $"the label has dtype {header.Type.Descriptor}; expected one number.")
            : ElementType.Undefined;
        return SampleLabel.From(ArrayElements.ToTensor(header.Type, header.Shape, elements, opaque), Name);
    }

    private TensorData ReadInput(ZipArchiveEntry entry, InputSpecification specification)
    {
        var (header, elements) = ReadArray(entry);
        var input = new ArrayInput(specification, $"{Name}: '{specification.Name}'");
        input.RequireShape(header.Shape);
        return input.Accept(header, header.Shape, elements);
    }

    private (NpyHeader Header, byte[] Elements) ReadArray(ZipArchiveEntry entry)
    {
        var bytes = ReadBytes(entry);
        using var stream = new MemoryStream(bytes);
        var header = NpyHeader.Read(stream, $"{Name}: '{KeyOf(entry)}'");
        if (header.Length + header.DataLength != bytes.Length)
        {
            throw SampleError.Unreadable(Name, $"'{KeyOf(entry)}' has {bytes.Length} bytes and its header promises {header.Length + header.DataLength}: it is damaged");
        }

        var elements = bytes[header.Length..];
        return (header, header.IsFortranOrder ? ArrayElements.ToRowMajor(elements, header.Shape, header.Type.Size) : elements);
    }

    private byte[] ReadBytes(ZipArchiveEntry entry)
    {
        if (entry.Length > Array.MaxLength || entry.Length > (entry.CompressedLength + 1) * BestRatio || entry.IsEncrypted)
        {
            throw SampleError.Unreadable(Name, $"'{KeyOf(entry)}' is encrypted, damaged or larger than 2 GB");
        }

        var bytes = new byte[entry.Length];
        using var stream = entry.Open();
        stream.ReadExactly(bytes);
        return Crc32.HashToUInt32(bytes) == entry.Crc32 && stream.ReadByte() < 0
            ? bytes
            : throw SampleError.Unreadable(Name, $"damaged: the checksum of '{KeyOf(entry)}' is wrong");
    }

    private T Open<T>(Func<Dictionary<string, ZipArchiveEntry>, T> read)
    {
        try
        {
            using var stream = File.OpenRead(Path);
            using var archive = new ZipArchive(stream);
            var arrays = new Dictionary<string, ZipArchiveEntry>(StringComparer.Ordinal);
            foreach (var entry in archive.Entries)
            {
                if (entry.CompressedLength > stream.Length || !arrays.TryAdd(KeyOf(entry), entry))
                {
                    throw SampleError.Unreadable(Name, $"damaged: the archive has '{KeyOf(entry)}' twice, or longer than the file");
                }
            }

            return read(arrays);
        }
        catch (Exception exception) when (exception is not (QuantBuildException or IOException or UnauthorizedAccessException or OutOfMemoryException))
        {
            // The zip library meets damage with exceptions of many types
            throw SampleError.Unreadable(Name, $"not a .npz archive, or a damaged one ({exception.Message.TrimEnd('.')}); write it with numpy.savez", exception);
        }
    }

    /// <summary>NumPy stores the array <c>a/b</c> as the entry <c>a/b.npy</c>.</summary>
    private static string KeyOf(ZipArchiveEntry entry) =>
        entry.FullName.EndsWith(".npy", StringComparison.Ordinal) ? entry.FullName[..^4] : entry.FullName;
}
