using System.Collections.Immutable;
using System.Security.Cryptography;
using QuantBuild.Data.Images;
using QuantBuild.Onnx;

namespace QuantBuild.Data.Formats;

internal sealed class ImageSampleFile(string path, SampleContext context) : SampleFile(path, context.NameOf(path))
{
    private readonly ImageInput _input = context.ImageInput(context.NameOf(path));

    public override SampleInputs Read(int index)
    {
        var pixels = ImageDecoder.Decode(File.ReadAllBytes(Path), Name);
        return ImmutableDictionary.Create<string, TensorData>().Add(_input.Name, _input.ToTensor(pixels, Name));
    }

    public override void AppendContent(int index, IncrementalHash hash) => hash.AppendData(File.ReadAllBytes(Path));
}
