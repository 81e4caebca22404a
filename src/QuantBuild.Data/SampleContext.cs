using System.Collections.Immutable;
using QuantBuild.Data.Images;

namespace QuantBuild.Data;

/// <summary>What the readers of one sample set share.</summary>
internal sealed class SampleContext(SampleSetRequest request)
{
    private readonly string _baseDirectory = Path.GetFullPath(request.BaseDirectory);
    private ImageInput? _imageInput;

    public ImmutableArray<InputSpecification> Inputs => request.Inputs;

    public string BaseDirectory => _baseDirectory;

    private string InputNames => Inputs.IsEmpty ? "none" : string.Join(", ", Inputs.Select(input => $"'{input.Name}'"));

    /// <summary>A file as the user would name it: from the base directory on, with forward slashes.</summary>
    public string NameOf(string path)
    {
        var relative = Path.GetRelativePath(_baseDirectory, path);
        var isOutside = Path.IsPathRooted(relative) || relative.StartsWith("..", StringComparison.Ordinal);
        return (isOutside ? path : relative).Replace('\\', '/');
    }

    public InputSpecification OnlyInput(string file, string format) =>
        Inputs.Length == 1
            ? Inputs[0]
            : throw SampleError.Input(
                file, $"{format} serves a model with one input, and this model's inputs are {InputNames}; use one .npz file a sample with these names as keys.");

    /// <summary>The first image of a set finds out whether the model takes images at all.</summary>
    public ImageInput ImageInput(string file) =>
        _imageInput ??= Images.ImageInput.Resolve(OnlyInput(file, "an image"), request.Preprocessing, file);

    public Onnx.Diagnostics.QuantBuildException WrongKeys(string file, string problem) =>
        SampleError.Input(file, $"{problem}; the model's inputs are {InputNames}, and beside them only 'label' is read.");
}
