using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using QuantBuild.Data.Images;
using QuantBuild.Onnx;

namespace QuantBuild.Data.Formats;

/// <summary>IDX images: grey [samples, height, width], or [samples, height, width, channels] with 1 or 3 channels.</summary>
internal sealed class IdxSampleFile : SampleFile
{
    private readonly IdxHeader _header;
    private readonly ImageInput _input;
    private readonly byte[]? _labels;
    private readonly string? _labelsPath;

    private IdxSampleFile(string path, SampleContext context)
        : base(path, context.NameOf(path))
    {
        using var stream = File.OpenRead(path);
        _header = IdxHeader.Read(stream, Name);
        var shape = _header.Shape;
        if (shape.Length is not (3 or 4) || shape is [_, _, _, not (1 or 3)] || (double)Width * Height is 0 or > ImageFile.MostPixels)
        {
            throw SampleError.Shape(
                Name, $"the IDX file has shape [{string.Join(',', shape)}]; expected images as [samples,height,width], or with 1 or 3 channels behind: save other data as .npy.");
        }

        _input = context.ImageInput(Name);
        _labelsPath = IdxNames.FindLabels(path);
        _labels = _labelsPath is null ? null : ReadLabels(_labelsPath, context.NameOf(_labelsPath));
    }

    public override int Count => _header.Shape[0];

    public override bool HoldsMany => true;

    public override ImmutableArray<string> Companions => _labelsPath is null ? [] : [_labelsPath];

    private int Height => _header.Shape[1];

    private int Width => _header.Shape[2];

    private int Channels => _header.Shape.Length == 4 ? _header.Shape[3] : 1;

    /// <summary>A labels file with its images beside it brings no samples of its own.</summary>
    public static IEnumerable<SampleEntry> List(string path, SampleContext context) =>
        IdxNames.FindImages(path) is null ? SampleFormats.Entries(new IdxSampleFile(path, context)) : [];

    public override double? LabelOf(int index) => _labels?[index];

    public override SampleInputs Read(int index)
    {
        var pixels = new PixelImage(Width, Height, Channels, ReadPixels(index));
        return ImmutableDictionary.Create<string, TensorData>().Add(_input.Name, _input.ToTensor(pixels, $"{Name}#{index}"));
    }

    public override void AppendContent(int index, IncrementalHash hash)
    {
        hash.AppendData(Encoding.UTF8.GetBytes($"{Width}x{Height}x{Channels}"));
        hash.AppendData(ReadPixels(index));
    }

    private byte[] ReadPixels(int index)
    {
        var pixels = new byte[Width * Height * Channels];
        using var stream = File.OpenRead(Path);
        stream.Position = _header.Length + ((long)index * pixels.Length);
        stream.ReadExactly(pixels);
        return pixels;
    }

    private byte[] ReadLabels(string path, string name)
    {
        using var stream = File.OpenRead(path);
        var shape = IdxHeader.Read(stream, name).Shape;
        if (shape.Length != 1 || shape[0] != Count)
        {
            throw SampleError.Label(name, $"the file has labels of shape [{string.Join(',', shape)}] for the {Count} images of {Name}; expected [{Count}].");
        }

        var labels = new byte[Count];
        stream.ReadExactly(labels);
        return labels;
    }
}
