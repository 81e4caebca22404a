using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;

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

    private static IEnumerable<TestCaseData> Cases => GeneratedForms.All
        .SelectMany(form => form.Cases.Select(@case => new TestCaseData(form, @case).SetArgDisplayNames(form.Name, @case.Name)));

    [TestCaseSource(nameof(Cases))]
    public void Quantize_GeneratedModel_ComputesItsOwnArithmeticAndNearlyTheFloats(GeneratedForm form, GeneratedCase @case)
    {
        var model = @case.Model();
        var random = new TinyModels();
        var result = Quantize(form, @case, random);
        var inputs = Sample(@case, random);

        var floats = Run(OnnxFile.ToBytes(model), inputs);
        var actual = Run(result.Model.ToArray(), inputs);
        var graph = OnnxFile.FromBytes(result.Model.Span).Graph;
        var expected = ReferenceGraph.Run(graph, inputs);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Integers(result, form).Intersect(@case.Int8), Is.EquivalentTo(form.Expected(@case)), string.Join("; ", result.Report.Operators.Select(row => $"{row.Type}: {row.Decision} {row.Reason}")));
            foreach (var kernels in form.Written(@case))
            {
                Assert.That(graph.Nodes.Select(node => node.OpType).Intersect(kernels), Is.Not.Empty, string.Join(" or ", kernels));
            }

            foreach (var (index, output) in graph.Outputs.Index())
            {
                Assert.That(actual[index].Dimensions, Is.EqualTo(floats[index].Dimensions));
                Assert.That(TinyModels.SqnrDb(floats[index], actual[index]), Is.GreaterThan(@case.LowestSqnrDb - form.FewerDb));
                Assert.That(actual[index].Dimensions, Is.EqualTo(expected[index].Dimensions));
                Assert.That(actual[index].ToFloats(), Is.EqualTo(expected[index].Elements).Within(Tolerance(output, expected[index], @case.Steps + form.MoreSteps)));
            }
        }
    }

    private static double Tolerance(Value output, Numbers expected, int steps)
    {
        var largest = expected.Elements.Max(Math.Abs);
        var step = output.Producer is { OpType: "DequantizeLinear" } producer ? producer.Input(1)!.Constant!.ToFloats().Max() : steps > 1 ? largest / 255 : 0;
        return (step * steps * 1.001) + (largest * FloatTolerance);
    }

    private static IEnumerable<string> Integers(QuantizationResult result, GeneratedForm form) =>
        result.Report.Operators.Where(row => row.Decision == form.Decision).Select(row => row.Type);

    private static TensorData[] Run(byte[] model, ImmutableDictionary<string, TensorData> inputs)
    {
        using var session = InferenceModel.Load(model, Optimization.AsDeployed);
        return session.Run(inputs, [.. session.OutputNames]);
    }

    private static ImmutableDictionary<string, TensorData> Sample(GeneratedCase @case, TinyModels random) =>
        @case.Inputs.ToImmutableDictionary(input => input.Name, input => input.Sample(random));

    private static QuantizationResult Quantize(GeneratedForm form, GeneratedCase @case, TinyModels random)
    {
        var folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;
        try
        {
            var path = Path.Combine(folder, "generated.onnx");
            OnnxFile.Write(@case.Model(), path);
            for (var i = 0; i < Samples; i++)
            {
                SampleArchive.Write(Path.Combine(folder, i.ToString("d2", CultureInfo.InvariantCulture) + ".npz"), Sample(@case, random));
            }

            var settings = form.Settings with { CalibrationData = ["*.npz"] };
            return ModelQuantizer.Quantize(new(path, folder, settings, 1) { MeasuresLatency = false }, null, CancellationToken.None);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
