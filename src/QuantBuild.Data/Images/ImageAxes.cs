using System.Collections.Immutable;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Images;

/// <summary>Which dimensions of a model's input are the image's; null where the model leaves one open.</summary>
internal sealed record ImageAxes(TensorLayout Layout, int? Channels, int? Height, int? Width, bool HasBatch)
{
    public static ImageAxes Find(InputSpecification input, TensorLayout? layout, string file)
    {
        // A model that states no rank takes whatever comes: images come with all four dimensions
        ImmutableArray<long?> dimensions = input.Dimensions.IsDefault ? [null, null, null, null] : input.Dimensions;
        if (dimensions.Length is not (3 or 4))
        {
            throw NotAnImage(input, file, "which is not an image of 3 or 4 dimensions");
        }

        var hasBatch = dimensions.Length == 4;
        if (hasBatch && dimensions[0] is not (null or 1))
        {
            throw NotAnImage(input, file, $"which is a batch of {dimensions[0]}, and an image is one sample");
        }

        var image = hasBatch ? dimensions[1..] : dimensions;
        var found = layout ?? Guess(image);
        var channels = found == TensorLayout.Nchw ? image[0] : image[2];

        // Three dimensions, the first one open: a batch of grey images without an axis for the channels
        channels = hasBatch ? channels : channels ?? 1;
        if (channels is not (null or 1 or 3))
        {
            throw NotAnImage(input, file, $"with {channels} channels where {(layout is null ? "1 or 3 are expected" : $"Layout={layout} has them")}");
        }

        var (height, width) = found == TensorLayout.Nchw ? (image[1], image[2]) : (image[0], image[1]);
        return new ImageAxes(found, (int?)channels, Side(height, input, file), Side(width, input, file), hasBatch);
    }

    public ImmutableArray<long> Shape(PixelImage image)
    {
        ImmutableArray<long> shape = Layout == TensorLayout.Nchw
            ? [image.Channels, image.Height, image.Width]
            : [image.Height, image.Width, image.Channels];
        return HasBatch ? [1, .. shape] : shape;
    }

    private static TensorLayout Guess(ImmutableArray<long?> image) =>
        image[2] is 1 or 3 && image[0] is not (1 or 3) ? TensorLayout.Nhwc : TensorLayout.Nchw;

    private static int? Side(long? dimension, InputSpecification input, string file) =>
        dimension is null or (> 0 and <= ImageFile.MostPixels) ? (int?)dimension : throw NotAnImage(input, file, $"and no image has a side of {dimension}");

    private static QuantBuildException NotAnImage(InputSpecification input, string file, string reason) => SampleError.Shape(
        file, $"the model's input '{input.Name}' takes {input.Shape}, {reason}; use one .npz file a sample, or set Layout where the channels lie on another axis.");
}
