using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Generated;

/// <summary>
/// Small models through the whole engine. What ONNX Runtime's integer kernels make of the result is held against the affine arithmetic that the result
/// spells out, computed here, and against the float model.
/// </summary>
[Parallelizable(ParallelScope.All)]
internal sealed class GeneratedOperatorTests
{
    private const int Samples = 12;

    /// <summary>Sums in single precision, where no step says how coarse an output is; relative to the largest element.</summary>
    private const double FloatTolerance = 1e-4;

    private static IEnumerable<TestCaseData> Cases =>
        LayerCases.All.Concat(StructureCases.All).Select(@case => new TestCaseData(@case).SetArgDisplayNames(@case.Name));

    [TestCaseSource(nameof(Cases))]
    public void Quantize_GeneratedModel_ComputesItsOwnArithmeticAndNearlyTheFloats(GeneratedCase @case)
    {
        var model = @case.Model();
        var random = new TinyModels();
        var result = Quantize(@case, model, random);
        var inputs = Sample(@case, random);

        var floats = Run(OnnxFile.ToBytes(model), inputs);
        var actual = Run(result.Model.ToArray(), inputs);
        var graph = OnnxFile.FromBytes(result.Model.Span).Graph;
        var expected = ReferenceGraph.Run(graph, inputs);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Int8(result).Intersect(@case.Int8), Is.EquivalentTo(@case.Int8.Distinct()), string.Join("; ", result.Report.Operators.Select(row => $"{row.Type}: {row.Reason}")));
            foreach (var (index, output) in graph.Outputs.Index())
            {
                Assert.That(actual[index].Dimensions, Is.EqualTo(floats[index].Dimensions));
                Assert.That(TinyModels.SqnrDb(floats[index], actual[index]), Is.GreaterThan(@case.LowestSqnrDb));
                Assert.That(actual[index].Dimensions, Is.EqualTo(expected[index].Dimensions));
                Assert.That(actual[index].ToFloats(), Is.EqualTo(expected[index].Elements).Within(Tolerance(output, expected[index], @case)));
            }
        }
    }

    private static double Tolerance(Value output, Numbers expected, GeneratedCase @case)
    {
        var largest = expected.Elements.Max(Math.Abs);
        var step = output.Producer is { OpType: "DequantizeLinear" } producer ? producer.Input(1)!.Constant!.ToFloats().Max() : @case.Steps > 1 ? largest / 255 : 0;
        return (step * @case.Steps * 1.001) + (largest * FloatTolerance);
    }

    private static IEnumerable<string> Int8(QuantizationResult result) =>
        result.Report.Operators.Where(row => row.Decision == OperatorDecision.Int8).Select(row => row.Type);

    private static TensorData[] Run(byte[] model, ImmutableDictionary<string, TensorData> inputs)
    {
        using var session = InferenceModel.Load(model, Optimization.AsDeployed);
        return session.Run(inputs, [.. session.OutputNames]);
    }

    private static ImmutableDictionary<string, TensorData> Sample(GeneratedCase @case, TinyModels random) =>
        @case.Inputs.ToImmutableDictionary(input => input.Name, input => input.Sample(random));

    private static QuantizationResult Quantize(GeneratedCase @case, Model model, TinyModels random)
    {
        var folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;
        try
        {
            var path = Path.Combine(folder, "generated.onnx");
            OnnxFile.Write(model, path);
            for (var i = 0; i < Samples; i++)
            {
                SampleArchive.Write(Path.Combine(folder, i.ToString("d2", CultureInfo.InvariantCulture) + ".npz"), Sample(@case, random));
            }

            var settings = new QuantizationSettings { CalibrationData = ["*.npz"], Format = ModelFormat.Qdq };
            return ModelQuantizer.Quantize(new(path, folder, settings, 1), null, CancellationToken.None);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
