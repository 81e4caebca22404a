namespace QuantBuild.Onnx;

/// <summary>
/// A model as it is stored: one file, or where its tensors take much room, an .onnx file and a data file that it refers to. The data
/// file's name holds a hash of its content: it can be written first, and a model never finds another's data.
/// </summary>
public sealed class StoredModel
{
    /// <summary>Tensors of more bytes in all go to a data file. The format itself ends at 2 GB.</summary>
    public const long LargestSingleFile = 1_000_000_000;

    private StoredModel(byte[] bytes, ModelDataFile? data)
    {
        Bytes = bytes;
        Data = data;
    }

    /// <summary>The .onnx file.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>What has to lie beside it; null where it holds everything itself.</summary>
    public ModelDataFile? Data { get; }

    /// <summary>Of both files together.</summary>
    public long Length => Bytes.Length + (Data?.Length ?? 0);

    /// <summary><paramref name="name"/> begins the data file's name: that of the model's file without its extension.</summary>
    public static StoredModel Of(Model model, string name, long largestSingleFile = LargestSingleFile)
    {
        var proto = GraphWriter.Write(model);
        var tensors = ExternalData.Initializers(proto.Graph).Where(tensor => TensorCodec.LengthOf(tensor) > ExternalData.LargestInline).ToArray();
        if (tensors.Sum(TensorCodec.LengthOf) <= largestSingleFile)
        {
            return new(OnnxFile.ToBytes(proto), null);
        }

        Array.ForEach(tensors, TensorCodec.MakeRaw);
        var data = ModelDataFile.Of(name, [.. tensors.Select(tensor => tensor.RawData.Memory)]);
        foreach (var (tensor, offset) in tensors.Zip(data.Offsets))
        {
            ExternalData.SetExternal(tensor, data.Name, offset, tensor.RawData.Length);
        }

        return new(OnnxFile.ToBytes(proto), data);
    }
}
