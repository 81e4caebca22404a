using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Tests;

/// <summary>Inputs and outputs of kinds that ONNX Runtime's .NET API is at a loss with.</summary>
internal sealed class InferenceModelTests
{
    private const long Opset = 25;

    /// <summary>Model files of one node, opsets 17 and 15: x is a sequence of float tensors, and an optional float tensor.</summary>
    private const string SequenceLength = "CAg6NwoWCgF4EgF5Ig5TZXF1ZW5jZUxlbmd0aBIBZ1oNCgF4EggiBgoECgIIAWILCgF5EgYKBAgHEgBCBAoAEBE=";
    private const string OptionalHasElement = "CAg6QQoaCgF4EgF5IhJPcHRpb25hbEhhc0VsZW1lbnQSAWdaEwoBeBIOSgwKCgoICAESBAoCCAJiCwoBeRIGCgQICRIAQgQKABAP";

    private static Model OneNode(string opType, ElementType input, ElementType output)
    {
        var model = Model.Create("border", Opset);
        model.IrVersion = 13;
        var value = model.Graph.AddInput("x");
        value.Declare(input, [null]);
        var result = model.Graph.AddNode(opType, [value], "y").Output;
        result.Declare(output, [null]);
        model.Graph.AddOutput(result);
        return model;
    }

    private static TensorData AllCodes(ElementType type)
    {
        var (bits, count) = (type.BitsPerElement(), 1 << type.BitsPerElement());
        var bytes = new byte[count * bits / 8];
        for (var code = 0; code < count; code++)
        {
            bytes[code * bits / 8] |= (byte)(code << (code * bits % 8));
        }

        return new(type, [count], bytes);
    }

    [TestCase(ElementType.Float8E4M3FN)]
    [TestCase(ElementType.Float8E4M3FNUZ)]
    [TestCase(ElementType.Float8E5M2)]
    [TestCase(ElementType.Float8E5M2FNUZ)]
    [TestCase(ElementType.Int4)]
    [TestCase(ElementType.UInt4)]
    [TestCase(ElementType.Int2)]
    [TestCase(ElementType.UInt2)]
    public void Run_TypeWithoutAName_TakesAndGivesEveryValue(ElementType type)
    {
        var wide = WideElements.TypeFor(type)!.Value;
        var toWide = OneNode("Cast", type, wide);
        toWide.Graph.Nodes[0].Set("to", (long)wide);
        var toNarrow = OneNode("Cast", wide, type);
        toNarrow.Graph.Nodes[0].Set("to", (long)type);
        var codes = AllCodes(type);
        using var decoder = InferenceModel.Load(OnnxFile.ToBytes(toWide), Optimization.AsDeployed);
        using var encoder = InferenceModel.Load(OnnxFile.ToBytes(toNarrow), Optimization.AsDeployed);

        var values = decoder.Run(ImmutableDictionary<string, TensorData>.Empty.Add("x", codes), ["y"])[0];
        var again = encoder.Run(ImmutableDictionary<string, TensorData>.Empty.Add("x", values), ["y"])[0];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(decoder.Inputs[0].Type, Is.EqualTo(type));
            Assert.That(encoder.OutputNames, Is.EqualTo(["y"]));
            Assert.That(Numbers(values), Is.EqualTo(Numbers(WideElements.Widen(codes))));
            Assert.That(again.Type, Is.EqualTo(type));
            Assert.That(Numbers(WideElements.Widen(again)), Is.EqualTo(Saturated(Numbers(values))));
        }
    }

    private static float[] Numbers(TensorData wide) => wide.Type switch
    {
        ElementType.Float => wide.ToFloats(),
        ElementType.Int8 => Array.ConvertAll(wide.AsSpan<sbyte>().ToArray(), element => (float)element),
        _ => Array.ConvertAll(wide.AsSpan<byte>().ToArray(), element => (float)element),
    };

    /// <summary>A Cast makes the greatest finite value of an infinity, which of these types Float8E5M2 alone has.</summary>
    private static float[] Saturated(float[] values) => Array.ConvertAll(values, value => float.IsInfinity(value) ? MathF.CopySign(57344, value) : value);

    [TestCase(ElementType.Float8E4M3FN, 0x7E, 448f)]
    [TestCase(ElementType.Float8E4M3FN, 0x01, 0.001953125f)]
    [TestCase(ElementType.Float8E4M3FNUZ, 0x7F, 240f)]
    [TestCase(ElementType.Float8E5M2, 0x7B, 57344f)]
    [TestCase(ElementType.Float8E5M2, 0xFC, float.NegativeInfinity)]
    [TestCase(ElementType.Float8E5M2FNUZ, 0x7F, 57344f)]
    [TestCase(ElementType.Float8E5M2FNUZ, 0x80, float.NaN)]
    [TestCase(ElementType.Float8E8M0, 0x7F, 1f)]
    [TestCase(ElementType.Float8E8M0, 0x00, 5.877472e-39f)]
    [TestCase(ElementType.Float4E2M1, 0x0F, -6f)]
    [TestCase(ElementType.Float4E2M1, 0x01, 0.5f)]
    public void Widen_CodeOfTheStandard_HasItsValue(ElementType type, int code, float value) =>
        Assert.That(WideElements.Widen(new TensorData(type, [1], new byte[] { (byte)code })).ToFloats()[0], Is.EqualTo(value));

    [Test]
    public void Run_UndeclaredOutputWithoutAName_IsPassedOver()
    {
        var model = Model.Create("border", Opset);
        model.IrVersion = 13;
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.Float, [null]);
        model.Graph.AddOutput(model.Graph.AddNode("Cast", [input], "y").Set("to", (long)ElementType.Float8E4M3FN).Output);
        model.Graph.AddOutput(model.Graph.AddNode("Relu", [input], "z").Output);
        using var session = InferenceModel.Load(OnnxFile.ToBytes(model), Optimization.None);

        var results = session.Run(ImmutableDictionary<string, TensorData>.Empty.Add("x", TensorData.Vector(-1f, 2f)), ["y", "z"]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(results[0], Is.Null);
            Assert.That(results[1].ToFloats(), Is.EqualTo([0f, 2f]));
        }
    }

    [TestCase(0)]
    [TestCase(3)]
    public void Run_Sequence_OfAnyLength(int length)
    {
        using var session = InferenceModel.Load(Convert.FromBase64String(SequenceLength), Optimization.AsDeployed);
        ImmutableArray<TensorData> sequence = [.. Enumerable.Range(0, length).Select(index => TensorData.Vector<float>(new float[index + 1]))];
        var inputs = new SampleInputs(ImmutableDictionary<string, TensorData>.Empty)
        {
            Sequences = ImmutableDictionary<string, ImmutableArray<TensorData>>.Empty.Add("x", sequence),
        };

        var result = session.Run(inputs, ["y"])[0];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(session.Inputs[0].Kind, Is.EqualTo(InputKind.Sequence));
            Assert.That(result.ToLongs(), Is.EqualTo([(long)length]));
        }
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Run_OptionalTensor_MayBeAbsent(bool given)
    {
        using var session = InferenceModel.Load(Convert.FromBase64String(OptionalHasElement), Optimization.AsDeployed);
        var inputs = given ? ImmutableDictionary<string, TensorData>.Empty.Add("x", TensorData.Vector(1f, 2f)) : SampleInputs.Empty;

        var result = session.Run(inputs, ["y"])[0];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(session.Inputs[0].Kind, Is.EqualTo(InputKind.OptionalTensor));
            Assert.That(result.AsSpan<bool>()[0], Is.EqualTo(given));
        }
    }
}
