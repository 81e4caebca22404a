using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Images;

/// <summary>A model's image input: from pixels to its tensor.</summary>
internal sealed class ImageInput
{
    private readonly InputSpecification _specification;
    private readonly ImagePreprocessing _preprocessing;
    private readonly ImageAxes _axes;
    private readonly ImageSizing _sizing;

    private ImageInput(InputSpecification specification, ImagePreprocessing preprocessing, ImageAxes axes)
    {
        _specification = specification;
        _preprocessing = preprocessing;
        _axes = axes;
        _sizing = ImageSizing.From(axes, preprocessing, specification);
    }

    public string Name => _specification.Name;

    /// <exception cref="QuantBuildException">The input takes no images, or the settings do not suit it.</exception>
    public static ImageInput Resolve(InputSpecification input, ImagePreprocessing preprocessing, string file)
    {
        if (!PixelValues.Supports(input.Type))
        {
            throw SampleError.Type(
                file, $"the model's input '{input.Name}' takes {input.Type.NumPyName()}, which images do not become; use one .npz file a sample.");
        }

        var axes = ImageAxes.Find(input, preprocessing.Layout, file);
        var image = new ImageInput(input, preprocessing, axes);
        if (axes.Channels is { } channels)
        {
            image.RequireChannels(channels);
        }

        return image;
    }

    public TensorData ToTensor(PixelImage image, string file)
    {
        var pixels = _sizing.Apply(image.WithChannels(_axes.Channels ?? image.Channels), file);
        RequireChannels(pixels.Channels);
        var values = new PixelValues(_specification.Type, _preprocessing).Write(pixels, _axes.Layout, file);
        return new TensorData(_specification.Type, _axes.Shape(pixels), values);
    }

    private void RequireChannels(int channels)
    {
        RequireCount("Mean", _preprocessing.Mean, channels);
        RequireCount("Std", _preprocessing.Std, channels);
    }

    private static void RequireCount(string setting, ImmutableArray<float> values, int channels)
    {
        if (values.Length != 1 && values.Length != channels)
        {
            throw new QuantBuildException(
                DiagnosticCodes.InvalidSetting,
                FormattableString.Invariant($"{setting} has {values.Length} values ({string.Join(',', values)}); expected 1, or {channels} as the image has channels."));
        }
    }
}
