using CsCheck;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Corrections;
using QuantBuild.Quantization.Tests.Pruning;

namespace QuantBuild.Quantization.Tests.Corrections;

/// <summary>Which channels can be scaled, and that scaling them changes no output.</summary>
[Parallelizable(ParallelScope.All)]
internal sealed class ScalableChannelsTests
{
    private static readonly (string Name, Func<TinyNetwork, Map, Map> Build)[] Blocks = [.. TinyBlocks.All, .. TinyBlocks.Normalizations];

    private static IEnumerable<TestCaseData> Ways =>
    [
        Way("Relu", 8, (net, map) => net.Relu(map)),
        Way("LeakyRelu", 8, (net, map) => map with { Value = net.Node("LeakyRelu", map.Value) }),
        Way("PRelu", 8, (net, map) => map with { Value = net.Node("PRelu", map.Value, net.Constant(0.1f, 1, 8, 1, 1)) }),
        Way("Clip from 0 on", 8, (net, map) => map with { Value = net.Node("Clip", map.Value, net.Constant(0, 0)) }),
        Way("a constant for each channel", 8, (net, map) => map with { Value = net.Node("Add", map.Value, net.Constant(-1, 1, 8, 1, 1)) }),
        Way("factors", 8, (net, map) => map with { Value = net.Node("Mul", map.Value, net.Constant(-1, 1, 8, 1, 1)) }),
        Way("zeros around it", 8, (net, map) => map with { Value = net.Node("Pad", map.Value, net.Longs(0, 0, 1, 1, 0, 0, 1, 1)), Size = 10 }),
        Way("a depthwise convolution", 8, (net, map) => net.Relu(net.Conv(map, 8, 3, 8))),
        Way("a residual connection", 16, (net, map) => net.Relu(net.Add(net.Conv(net.Relu(net.Conv(map, 8)), 8), map))),
        Way("a concatenation", 12, (net, map) => net.Concat(net.Relu(map), net.Relu(net.Conv(map, 4)))),
        Way("LayerNormalization", 8, TinyBlocks.LayerNormalization),
        Way("LayerNormalization, spelled out", 8, TinyBlocks.NormalizationInPieces),
        Way("LayerNormalization in front of a residual branch", 16, (net, map) => net.Add(net.Conv(net.Relu(net.Conv(TinyBlocks.LayerNormalization(net, map), 8)), 8), map)),
        Way("LayerNormalization behind the sum, and again", 16, (net, map) => TinyBlocks.LayerNormalization(net, net.Add(net.Conv(TinyBlocks.LayerNormalization(net, map), 8), TinyBlocks.LayerNormalization(net, map)))),
        Way("LayerNormalization with a Tanh behind it", 0, (net, map) => map with { Value = net.Node("Tanh", TinyBlocks.LayerNormalization(net, map).Value) }),
        Way("Relu6", 0, (net, map) => map with { Value = net.Node("Clip", map.Value, net.Constant(0, 0), net.Constant(6, 6)) }),
        Way("Sigmoid", 0, (net, map) => map with { Value = net.Node("Sigmoid", map.Value) }),
        Way("HardSwish", 0, (net, map) => map with { Value = net.Node("HardSwish", map.Value) }),
        Way("a product with itself", 0, (net, map) => map with { Value = net.Node("Mul", map.Value, map.Value) }),
        Way("the same constant for all channels", 0, (net, map) => map with { Value = net.Node("Add", map.Value, net.Constant(1, 1)) }),
        Way("ones around it", 0, (net, map) => map with { Value = net.Node("Pad", map.Value, net.Longs(0, 0, 1, 1, 0, 0, 1, 1), net.Constant(1, 1)), Size = 10 }),
        Way("BatchNormalization", 0, (net, map) => net.BatchNormalization(map)),
        Way("a gate", 0, (net, map) => map with { Value = net.Node("Mul", map.Value, net.Node("Sigmoid", net.Node("GlobalAveragePool", map.Value))) }),
    ];

    [TestCaseSource(nameof(Ways))]
    public void Find_Way_IsScaledToTheBitOrNotAtAll(int channels, Func<TinyNetwork, Map, Map> build)
    {
        var net = new TinyNetwork();
        var model = net.Finish(build(net, net.Conv(net.Input, 8)));

        var scaled = Scale(model, 5, out var count);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(count, Is.EqualTo(channels));
            Assert.That(PruningCheck.Difference(scaled, model), Is.Zero);
        }
    }

    [Test]
    public void Apply_RandomNetwork_ChangesNoBit() =>
        Gen.Select(Gen.Int[0, Blocks.Length - 1].Array[1, 8], Gen.Int[0, TinyHeads.All.Count - 1], Gen.Int[0, 1 << 20]).Sample((blocks, head, seed) =>
        {
            var net = new TinyNetwork(seed);
            var map = blocks.Aggregate(net.Conv(net.Input, 8), (map, block) => Blocks[block].Build(net, map));
            var model = net.Finish(TinyHeads.All[head].Build(net, map));
            return PruningCheck.Difference(Scale(model, seed, out _), model) == 0;
        });

    private static TestCaseData Way(string name, int channels, Func<TinyNetwork, Map, Map> build) => new TestCaseData(channels, build).SetArgDisplayNames(name);

    /// <summary>Every channel that can be, by something from 1/16 to 16.</summary>
    private static Model Scale(Model model, int seed, out int count)
    {
        var (groups, random) = (PruningCheck.GroupsOf(model), new Random(seed));
        var exponents = new ScalableChannels(groups).Find().Order().ToDictionary(channel => channel, _ => random.Next(1, 5) * (random.Next(2) == 0 ? 1 : -1));
        count = exponents.Count;
        return new ChannelFactors(groups, exponents).Apply();
    }
}
