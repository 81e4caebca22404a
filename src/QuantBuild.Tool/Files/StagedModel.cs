using QuantBuild.Onnx;
using QuantBuild.Quantization;

namespace QuantBuild.Tool.Files;

/// <summary>
/// A quantized model, with the data file of a large one, written beside their places. The data is put there first: a model that can be seen
/// can be loaded.
/// </summary>
internal sealed class StagedModel : IDisposable
{
    private readonly string _path;
    private readonly StagedFile _model;
    private readonly StagedFile? _data;
    private readonly string? _dataPath;

    private StagedModel(string path, QuantizationResult result)
    {
        _path = Path.GetFullPath(path);
        if (result.Data is { } data)
        {
            _dataPath = Path.Combine(Path.GetDirectoryName(_path)!, data.Name);
            _data = StagedFile.Create(_dataPath, data.WriteTo);
        }

        _model = StagedFile.Create(path, result.Model);
    }

    public static StagedModel Create(string path, QuantizationResult result) => new(path, result);

    /// <summary>Also removes the data file of the model that is replaced.</summary>
    public void Commit()
    {
        var former = DataOfFormerModel();
        _data?.Commit();
        _model.Commit();
        former.ForEach(File.Delete);
    }

    public void Dispose()
    {
        _model.Dispose();
        _data?.Dispose();
    }

    /// <summary>Only files of the name that we give, and only those that the replaced model refers to: others may belong to a copy of it.</summary>
    private List<string> DataOfFormerModel()
    {
        var name = Path.GetFileNameWithoutExtension(_path);
        bool IsOurs(string path) => path != _dataPath && ModelDataFile.IsNameFor(name, Path.GetFileName(path));
        return File.Exists(_path) && Directory.EnumerateFiles(Path.GetDirectoryName(_path)!).Any(IsOurs)
            ? [.. ExternalData.FilesOf(_path).Where(IsOurs).Where(File.Exists)]
            : [];
    }
}
