namespace QuantBuild.Onnx.Storage;

/// <summary>Where bytes lie on the disk; <paramref name="Path"/> is absolute.</summary>
public readonly record struct FileRegion(string Path, long Offset, long Length);
