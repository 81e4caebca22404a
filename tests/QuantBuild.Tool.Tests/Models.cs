using System.Text;
using QuantBuild.Onnx;

namespace QuantBuild.Tool.Tests;

internal static class Models
{
    public static Model Relu()
    {
        var model = Model.Create("relu", opset: 17);
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.Float, [null, 3]);
        var node = model.Graph.AddNode("Relu", [input], "y");
        node.Output.Declare(ElementType.Float, [null, 3]);
        model.Graph.AddOutput(node.Output);
        return model;
    }

    /// <summary>Large enough for a data file where a single one may hold no more than 1,000 bytes.</summary>
    public static Model Large(float weight = 1)
    {
        var model = Relu();
        model.Graph.AddOutput(model.Graph.AddInitializer("w", TensorData.Vector<float>([.. Enumerable.Repeat(weight, 400)])));
        return model;
    }

    /// <summary>A version 1 .npy of one sample.</summary>
    public static byte[] Npy(params float[] values)
    {
        var header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': (1, {values.Length}), }}".PadRight(117) + "\n";
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header), .. values.SelectMany(BitConverter.GetBytes)];
    }
}
