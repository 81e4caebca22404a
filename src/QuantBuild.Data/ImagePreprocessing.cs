using System.Collections.Immutable;

namespace QuantBuild.Data;

/// <summary>
/// How an image becomes a model's input: value = (pixel · <see cref="Scale"/> − <see cref="Mean"/>) / <see cref="Std"/> with
/// pixel in 0..255. What is null is taken from the model's input.
/// </summary>
public sealed record ImagePreprocessing
{
    public static ImagePreprocessing FromModel { get; } = new();

    public ImageSize? Size { get; init; }

    public ResizeMode Resize { get; init; }

    public CropMode Crop { get; init; }

    public ChannelOrder ChannelOrder { get; init; }

    public TensorLayout? Layout { get; init; }

    /// <summary>Null stands for 1/255, or for 1 where the model takes integers: those are the pixels themselves.</summary>
    public double? Scale { get; init; }

    /// <summary>One value, or one a channel in the order in which the model takes them.</summary>
    public ImmutableArray<float> Mean { get; init; } = [0];

    /// <summary>One value, or one a channel in the order in which the model takes them.</summary>
    public ImmutableArray<float> Std { get; init; } = [1];
}

public sealed record ImageSize(int Width, int Height)
{
    public override string ToString() => $"{Width}x{Height}";
}

/// <summary>What happens to an image whose size is not the model's, before <see cref="CropMode"/>.</summary>
public enum ResizeMode
{
    /// <summary>Nothing: another size is an error.</summary>
    None,

    /// <summary>To exactly the size; the aspect ratio is not kept.</summary>
    Stretch,

    /// <summary>The smallest size that covers the target; pair it with a crop.</summary>
    Cover,

    /// <summary>The largest size that fits into the target; the rest, right and below, is filled with grey 114.</summary>
    Letterbox,
}

public enum CropMode
{
    None,
    Center,
}

public enum ChannelOrder
{
    Rgb,
    Bgr,
}

public enum TensorLayout
{
    Nchw,
    Nhwc,
}
