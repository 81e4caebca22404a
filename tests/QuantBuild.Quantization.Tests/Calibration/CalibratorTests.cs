using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Calibration.Statistics;

namespace QuantBuild.Quantization.Tests.Calibration;

internal sealed class CalibratorTests
{
    private static readonly string[] Watched = ["next", "product", "start", "x", "y"];

    /// <summary>A loop, of whose body values are watched, too.</summary>
    private const string Graph =
        """
        opset 13
        graph g(x: float[1, 4]) -> (y: float) {
          two: float[1] = [2]
          trips: int64[] = [3]
          start = Mul(x, two)
          y, all = Loop(trips, _, start) {
            body = graph step(i: int64[], go: bool[], state: float[1, 4]) -> (go, next: float, product: float) {
              half: float[1] = [-0.5]
              product = Mul(state, half)
              next = Add(product, x)
            }
          }
        }
        """;

    private const string Rearranging =
        """
        opset 13
        graph g(x: float[1, 4]) -> (y: float, turned: float) {
          two: float[1] = [2]
          trips: int64[] = [3]
          start = Mul(x, two)
          joined = Concat(start, x) { axis = 1 }
          turned = Transpose(joined) { perm = [1, 0] }
          y, every, other = Loop(trips, _, start) {
            body = graph step(i: int64[], go: bool[], state: float[1, 4]) -> (go, next: float, both: float, mixed: float) {
              half: float[1] = [-0.5]
              product = Mul(state, half)
              next = Add(product, x)
              both = Concat(product, next) { axis = 1 }
              mixed = Concat(product, start) { axis = 1 }
            }
          }
        }
        """;

    /// <summary>One group for all, one for each, and some: what is seen is the same, and each sample counts once.</summary>
    [Test]
    public void Gather_ValuesInGroups_SeesWhatItSeesOfAllTogether([Values(1, 40)] long mostBytes)
    {
        var (expected, actual) = (Gather(long.MaxValue), Gather(mostBytes));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(actual.Keys, Is.EquivalentTo(Watched));
            foreach (var name in Watched)
            {
                Assert.That(actual[name].Range, Is.EqualTo(expected[name].Range), name);
                Assert.That(actual[name].Histogram!.Bins.ToArray(), Is.EqualTo(expected[name].Histogram!.Bins.ToArray()), name);
                Assert.That(actual[name].Histogram!.Zeros, Is.EqualTo(expected[name].Histogram!.Zeros), name);
            }

            Assert.That(Count(actual["start"]), Is.EqualTo(5 * 4));
            Assert.That(Count(actual["product"]), Is.EqualTo(5 * 4 * 3), "three iterations");
        }
    }

    /// <summary>What has the elements of other watched values is not looked at itself, and what is said of it is the same: in a body, too, and behind one another.</summary>
    [TestCase("joined")]
    [TestCase("turned")]
    [TestCase("both")]
    [TestCase("mixed")]
    public void Gather_ValuesThatAreRearranged_HaveTheStatisticsThatTheyHaveAlone(string name)
    {
        const StatisticsKinds Kinds = StatisticsKinds.Histogram;
        string[] watched = [.. Watched, "joined", "turned", "both", "mixed"];

        var (expected, actual) = (Gather(Rearranging, [name], Kinds)[name], Gather(Rearranging, watched, Kinds)[name]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(actual.Range, Is.EqualTo(expected.Range));
            Assert.That(actual.NotFinite, Is.EqualTo(expected.NotFinite));
            Assert.That(actual.Histogram!.Exponent, Is.EqualTo(expected.Histogram!.Exponent));
            Assert.That(actual.Histogram.Bins.ToArray(), Is.EqualTo(expected.Histogram.Bins.ToArray()));
            Assert.That(actual.Histogram.Zeros, Is.EqualTo(expected.Histogram.Zeros));
        }
    }

    /// <summary>The ends of a sample are not those of its parts.</summary>
    [Test]
    public void Gather_EndsOfSamplesOfAConcat_AreItsOwn()
    {
        string[] watched = [.. Watched, "joined", "turned"];

        var statistics = Gather(Rearranging, watched, StatisticsKinds.SampleEnds);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(statistics["joined"].Ends, Is.EqualTo(Gather(Rearranging, ["joined"], StatisticsKinds.SampleEnds)["joined"].Ends));
            Assert.That(statistics["turned"].Ends, Is.EqualTo(statistics["joined"].Ends));
        }
    }

    /// <summary>The first among the data, though samples are looked at in another order and on several threads; what is joined has it from its parts.</summary>
    [Test]
    public void Gather_NotFinite_NamesTheFirstSample()
    {
        var model = GraphText.Parse(Rearranging);
        ImmutableArray<SampleHandle> samples = [.. Enumerable.Range(0, 40).Select(index => SampleOf(index == 39 ? 39 : index % 4 == 3 ? float.NaN : index) with { Id = $"{40 - index}", Place = 40 - index })];

        var statistics = Calibrator.Gather(model, ModelProfile.Of(model, samples[0].Read()), ["x", "start", "joined", "next"], StatisticsKinds.None, new(samples, 4, null, CancellationToken.None));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(statistics.Values.Select(entry => entry.FirstNotFinite?.Id), Is.All.EqualTo("5"));
            Assert.That(statistics["x"].NotFinite, Is.EqualTo(9 * 3));
        }
    }

    private static long Count(TensorStatistics statistics) => statistics.Histogram!.Zeros + statistics.Histogram.Bins.ToArray().Sum();

    private static ImmutableDictionary<string, TensorStatistics> Gather(long mostBytes) => Gather(Graph, Watched, StatisticsKinds.Histogram, mostBytes);

    private static ImmutableDictionary<string, TensorStatistics> Gather(string graph, string[] watched, StatisticsKinds kinds, long mostBytes = long.MaxValue)
    {
        var model = GraphText.Parse(graph);
        ImmutableArray<SampleHandle> samples = [.. Enumerable.Range(1, 5).Select(index => SampleOf(index))];
        var profile = ModelProfile.Of(model, samples[0].Read());
        return Calibrator.Gather(model, profile, watched, kinds, new(samples, 2, null, CancellationToken.None), mostBytes: mostBytes);
    }

    private static SampleHandle SampleOf(float index)
    {
        var sample = new Sample($"{index}", ImmutableDictionary<string, TensorData>.Empty.Add("x", TensorData.Create<float>([1, 4], [index, 0, -index, 0.25f * index])), null);
        return new(sample.Id, null, () => sample);
    }
}
