using System.Collections.Immutable;
using System.Security.Cryptography;
using QuantBuild.Data.Files;
using QuantBuild.Data.Formats;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data;

/// <summary>Samples in files, indexed but not read. All members may be used from several threads.</summary>
public sealed class SampleSet
{
    private readonly ImmutableArray<SampleEntry> _entries;
    private readonly SampleContext _context;
    private readonly string?[] _hashes;

    private SampleSet(ImmutableArray<SampleEntry> entries, ImmutableArray<string> files, SampleContext context)
    {
        _entries = entries;
        _context = context;
        _hashes = new string?[entries.Length];
        Files = files;
    }

    public int Count => _entries.Length;

    /// <summary>Every file that the samples depend on, manifests and label files included: absolute and sorted ordinally.</summary>
    public ImmutableArray<string> Files { get; }

    public SampleReference this[int index]
    {
        get
        {
            var (file, position, label) = _entries[index];
            return new SampleReference(file.Path, position, label, file.HoldsMany ? $"{file.Name}#{position}" : file.Name);
        }
    }

    /// <summary>Expands the patterns and reads no more than headers, manifests and labels.</summary>
    /// <exception cref="QuantBuildException">The data is not there, or cannot be the model's.</exception>
    public static SampleSet Open(SampleSetRequest request)
    {
        var context = new SampleContext(request);
        var files = DataFiles.Find(request.Patterns, context);
        var listed = new Dictionary<string, SampleEntry>(StringComparer.Ordinal);
        foreach (var entry in files.Where(file => file.Format.IsManifest).SelectMany(file => List(file, context)))
        {
            if (!listed.TryAdd(entry.File.Path, entry) && listed[entry.File.Path] is var other && other.Label != entry.Label)
            {
                throw new QuantBuildException(
                    DiagnosticCodes.InvalidManifest,
                    FormattableString.Invariant($"{entry.ListedAt}: '{entry.File.Name}' has the label {entry.Label}, and {other.Label} at {other.ListedAt}; remove one of the lines."));
            }
        }

        var entries = files.Where(file => !file.Format.IsManifest && !listed.ContainsKey(file.Path)).SelectMany(file => List(file, context))
            .Concat(listed.Values).OrderBy(entry => entry.File.Path, StringComparer.Ordinal).ThenBy(entry => entry.Index).ToImmutableArray();
        if (entries.IsEmpty)
        {
            throw new QuantBuildException(DiagnosticCodes.NoSamples, $"The data '{string.Join(';', request.Patterns)}' holds no sample: {context.NameOf(files[0].Path)} is empty.");
        }

        var all = files.Select(file => file.Path).Concat(entries.Select(entry => entry.File).Distinct().SelectMany(file => file.Companions.Add(file.Path)));
        return new SampleSet(entries, [.. all.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)], context);
    }

    /// <exception cref="QuantBuildException">The sample cannot be read, or does not suit the model.</exception>
    public Sample Read(int index)
    {
        var entry = _entries[index];
        return new Sample(this[index].Id, Guard(entry.File.Path, _context, () => entry.File.Read(entry.Index)), entry.Label);
    }

    /// <summary>SHA-256, in hexadecimal, of the sample's own bytes: of its slice where a file holds many. Computed once.</summary>
    public string ContentHash(int index)
    {
        return _hashes[index] ??= Guard(_entries[index].File.Path, _context, () => Hash(_entries[index]));
    }

    /// <summary>All content hashes, computed by that many threads.</summary>
    /// <exception cref="QuantBuildException">A sample cannot be read.</exception>
    public ImmutableArray<string> ContentHashes(int threads)
    {
        try
        {
            Parallel.For(0, Count, new ParallelOptions { MaxDegreeOfParallelism = threads }, index => ContentHash(index));
        }
        catch (AggregateException)
        {
            // Which thread fails first is chance; one after the other, the same data give the same error
            for (var index = 0; index < Count; index++)
            {
                ContentHash(index);
            }
        }

        return [.. _hashes!];
    }

    private static string Hash(SampleEntry entry)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        entry.File.AppendContent(entry.Index, hash);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static List<SampleEntry> List(DataFile file, SampleContext context) => Guard(
        file.Path, context, () => file.Format.List(file.Path, context).Select(entry => file.Class is { } label ? entry with { Label = label } : entry).ToList());

    private static T Guard<T>(string path, SampleContext context, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (EndOfStreamException exception)
        {
            throw SampleError.Unreadable(context.NameOf(path), "the file is truncated", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw SampleError.Unreadable(context.NameOf(path), $"the file cannot be read ({exception.Message.TrimEnd('.')})", exception);
        }
    }
}
