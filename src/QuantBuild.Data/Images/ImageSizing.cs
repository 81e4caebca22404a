using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Images;

/// <summary>Brings images to the size that a model takes; a side is null where neither model nor settings state it.</summary>
internal sealed record ImageSizing(int? Width, int? Height, ResizeMode Resize, CropMode Crop)
{
    private const byte LetterboxFill = 114;

    public static ImageSizing From(ImageAxes axes, ImagePreprocessing preprocessing, InputSpecification input)
    {
        if (preprocessing.Size is { } size)
        {
            CheckSize(size, axes, input);
        }

        var sizing = new ImageSizing(
            axes.Width ?? preprocessing.Size?.Width, axes.Height ?? preprocessing.Size?.Height, preprocessing.Resize, preprocessing.Crop);
        var change = sizing.Resize != ResizeMode.None ? $"Resize={sizing.Resize}" : $"Crop={sizing.Crop}";
        return sizing.Width is null && sizing.Height is null && (sizing.Resize, sizing.Crop) != (ResizeMode.None, CropMode.None)
            ? throw new QuantBuildException(
                DiagnosticCodes.MissingSetting, $"{change} needs a size, and the model's input '{input.Name}' {input.Shape} leaves it open; add ImageSize, such as ImageSize=\"224\".")
            : sizing;
    }

    public PixelImage Apply(PixelImage image, string file)
    {
        var (width, height) = Resized(image);
        if ((long)width * height > ImageFile.MostPixels)
        {
            throw SampleError.Shape(file, $"the image of {image.Width}x{image.Height} would become one of {width}x{height} pixels; crop it, or use Resize=\"Stretch\".");
        }

        var resized = BilinearResize.Resize(image, width, height);
        var (targetWidth, targetHeight) = (Width ?? resized.Width, Height ?? resized.Height);
        if (Crop == CropMode.Center && resized.Width >= targetWidth && resized.Height >= targetHeight)
        {
            resized = resized.CropCenter(targetWidth, targetHeight);
        }

        if (Resize == ResizeMode.Letterbox)
        {
            resized = resized.PadTo(targetWidth, targetHeight, LetterboxFill);
        }

        return resized.Width == targetWidth && resized.Height == targetHeight
            ? resized
            : throw SampleError.Shape(file, $"the image has {image.Width}x{image.Height} pixels; the model takes {targetWidth}x{targetHeight}: {WayOut(resized, targetWidth, targetHeight)}.");
    }

    private static void CheckSize(ImageSize size, ImageAxes axes, InputSpecification input)
    {
        var expected = new ImageSize(axes.Width ?? size.Width, axes.Height ?? size.Height);
        if (size != expected)
        {
            throw new QuantBuildException(
                DiagnosticCodes.InvalidSetting, $"ImageSize is {size}; the model's input '{input.Name}' takes {input.Shape}: leave ImageSize out, or set it to {expected}.");
        }

        if (size.Width < 1 || size.Height < 1 || (long)size.Width * size.Height > ImageFile.MostPixels)
        {
            throw new QuantBuildException(DiagnosticCodes.InvalidSetting, $"ImageSize is {size}; expected 1 to {ImageFile.MostPixels} pixels.");
        }
    }

    private static int Scaled(int length, double factor) => (int)Math.Min(Math.Max(length * factor, 1), int.MaxValue);

    private (int Width, int Height) Resized(PixelImage image)
    {
        var (across, down) = ((double?)Width / image.Width, (double?)Height / image.Height);
        var factor = (across, down) switch
        {
            ({ } x, { } y) => Resize == ResizeMode.Letterbox ? Math.Min(x, y) : Math.Max(x, y),
            _ => across ?? down ?? 1,
        };
        return Resize switch
        {
            ResizeMode.Stretch => (Width ?? Scaled(image.Width, factor), Height ?? Scaled(image.Height, factor)),
            ResizeMode.Letterbox => (Scaled(image.Width, factor), Scaled(image.Height, factor)),

            // The side that decides is met exactly, whatever the product rounds to
            ResizeMode.Cover => (
                across == factor ? Width!.Value : Scaled(image.Width, factor),
                down == factor ? Height!.Value : Scaled(image.Height, factor)),
            _ => (image.Width, image.Height),
        };
    }

    private string WayOut(PixelImage resized, int width, int height) =>
        Resize == ResizeMode.None && (Crop == CropMode.Center || resized.Width < width || resized.Height < height)
            ? "add Resize=\"Stretch\", \"Cover\" or \"Letterbox\""
            : Resize == ResizeMode.None ? "add Resize=\"Stretch\", \"Cover\" or \"Letterbox\", or Crop=\"Center\"" : "add Crop=\"Center\"";
}
