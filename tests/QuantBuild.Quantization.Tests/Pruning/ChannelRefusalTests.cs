using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Pruning;

namespace QuantBuild.Quantization.Tests.Pruning;

/// <summary>What keeps the channels of a first layer, c, whole, and what is said of it.</summary>
[Parallelizable(ParallelScope.All)]
internal sealed class ChannelRefusalTests
{
    private const string Layer = "c = Conv(x, w)\n";
    private const string LayerAndTranspose = Layer + "t = Transpose(c) {perm = [0, 2, 3, 1]}\n";

    [TestCase(Layer + "y = Relu(c)", "they come out of the graph as 'y'")]
    [TestCase(Layer + "y = LRN(c) {size = 3}", "LRN -> y is not known to keep channels apart")]
    [TestCase(Layer + "y, mask = Dropout(c)", "Dropout -> y is not known to keep channels apart")]
    [TestCase(Layer + "s = ReduceSum(c, places) {keepdims = 0}\ny = Conv(x, w4, s)", "Conv -> y takes them as a parameter")]
    [TestCase(Layer + "y = If(yes) {then_branch = graph a() -> (p: float) {\n p = Relu(c)\n}, else_branch = graph e() -> (q: float) {\n q = Neg(x)\n}}", "If -> y is not known to keep channels apart")]
    [TestCase(Layer + "y = Conv(c, w)", "'w' is read by Conv -> c and by others")]
    [TestCase(Layer + "y = Conv(x, c)", "Conv -> y computes its weights at run time")]
    [TestCase(LayerAndTranspose + "y = Conv(t, w4)", "Conv -> y reads them along another axis")]
    [TestCase(Layer + "y = MatMul(c, x)", "MatMul -> y has no constant matrix as its weights")]
    [TestCase("b = Relu(four)\nc = Conv(x, w, b)\ny = Conv(c, w4)", "Conv -> c has a bias that is computed at run time")]
    [TestCase("c = Conv(x, each) {group = 4}\ny = Conv(c, w4)", "Conv -> c makes them of channels that are not made by constant weights")]
    [TestCase("c = Conv(x, one)\ny = Conv(c, one1)", "there is one alone")]
    public void Of_Layer_KeepsChannels(string nodes, string reason) => Verify(nodes, reason);

    [TestCase(Layer + "y = Add(c, x)", "Add -> y joins them with those of 'x', which are not made by constant weights")]
    [TestCase("c = Conv(x, one)\nd = Conv(x, w)\ny = Mul(c, d)", "Mul -> y broadcasts them")]
    [TestCase(LayerAndTranspose + "y = Mul(c, t)", "Mul -> y has channels along several axes")]
    [TestCase(Layer + "y = Concat(c, x) {axis = 0}", "Concat -> y joins them with 'x', whose channels are not made by constant weights")]
    [TestCase(LayerAndTranspose + "y = Concat(c, t) {axis = 0}", "Concat -> y has channels along several axes")]
    [TestCase(Layer + "r = Relu(four)\ny = BatchNormalization(c, r, r, r, r)", "BatchNormalization -> y normalizes them with what is computed at run time")]
    [TestCase(LayerAndTranspose + "y = InstanceNormalization(t, four, four)", "InstanceNormalization -> y normalizes over them")]
    [TestCase(LayerAndTranspose + "y = GlobalAveragePool(t)", "GlobalAveragePool -> y pools over them")]
    [TestCase(Layer + "y = ReduceMean(c) {axes = [1]}", "ReduceMean -> y reduces them to one")]
    [TestCase(Layer + "y = ReduceMean(c)", "ReduceMean -> y reduces along unknown axes")]
    [TestCase(Layer + "y = Slice(c, zero, many, first, two)", "Slice -> y takes some of them, in a way that is not followed")]
    [TestCase(Layer + "y = Pad(c, border) {mode = \"edge\"}", "Pad -> y pads them with others of their own")]
    [TestCase(Layer + "n = Neg(border)\ny = Pad(c, n)", "Pad -> y pads by lengths that are computed at run time or stand for some axes")]
    [TestCase(Layer + "n = Abs(halves)\na, y = Split(c, n) {axis = 1}", "Split -> a has parts of unknown length")]
    public void Of_MovedChannels_AreKept(string nodes, string reason) => Verify(nodes, reason);

    [TestCase(Layer + "y = Reshape(c, divided)", "Reshape -> y divides them over several axes")]
    [TestCase(Layer + "s = Shape(x)\nn = Abs(s)\ny = Reshape(c, n)", "Reshape -> y takes a shape that is not certain to hold with fewer of them")]
    [TestCase(Layer + "s = Shape(x)\nb = Slice(s, zero, first)\nn = Concat(b, wide) {axis = 0}\nr = Reshape(c, n)\nz = Reshape(x, n)\ny = Add(r, z)", "Reshape -> r takes a shape that is not certain to hold with fewer of them")]
    [TestCase(Layer + "s = Shape(c)\ny = Reshape(x, s)", "Reshape -> y gives their number to a tensor without them")]
    [TestCase(Layer + "s = Shape(c)\ny = Cast(s) {to = 1}", "Cast -> y computes with their number")]
    [TestCase(Layer + "y = Resize(c, _, scales)", "Resize -> y may resize them")]
    public void Of_CountedChannels_AreKept(string nodes, string reason) => Verify(nodes, reason);

    [Test]
    public void Of_LayerThatNoRunCameTo_KeepsItsChannels()
    {
        var model = Parse("c = MatMul(x, m)\ny = MatMul(c, m4)");

        var groups = ChannelGroups.Of(model, new(ImmutableDictionary<string, ValueProfile>.Empty));

        Assert.That(groups.All.Select(group => group.Reason), Is.EqualTo(new[] { "no sample shows the shapes around MatMul -> c", "no sample shows the shapes around MatMul -> y" }));
    }

    /// <summary>The samples have one channel there, which is broadcast; others that the model takes may have all of them.</summary>
    [TestCase(null, "Add -> Add joins them with the input 'm', which may have as many")]
    [TestCase(1L, null)]
    public void Of_InputOfOpenLength_KeepsChannels(long? declared, string? reason)
    {
        var net = new TinyNetwork();
        var mask = net.Graph.AddInput("m");
        mask.Declare(ElementType.Float, [null, declared, 8, 8]);
        var layer = net.Conv(net.Input, 4);

        var model = net.Finish(net.Conv(net.Add(layer, layer with { Value = mask }), 4));

        Assert.That(PruningCheck.GroupsOf(model).All[0].Reason, Is.EqualTo(reason));
    }

    private static void Verify(string nodes, string reason) =>
        Assert.That(PruningCheck.GroupsOf(Parse(nodes)).All[0].Reason, Is.EqualTo(reason));

    /// <summary>Images of 4 channels with 4 places in each direction, and weights of as many.</summary>
    private static Model Parse(string nodes) => GraphText.Parse(
        $$"""
        opset 17
        graph g(x: float[N, 4, 4, 4]) -> (y: float) {
          w: float[4, 4, 1, 1] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
          w4: float[4, 4, 1, 1] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
          m: float[4, 4] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
          m4: float[4, 4] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
          each: float[4, 1, 1, 1] = [1, 2, 3, 4]
          one: float[1, 4, 1, 1] = [1, 2, 3, 4]
          one1: float[1, 1, 1, 1] = [1]
          four: float[4] = [1, 2, 3, 4]
          scales: float[4] = [1, 2, 1, 1]
          places: int64[3] = [0, 2, 3]
          zero: int64[1] = [0]
          first: int64[1] = [1]
          two: int64[1] = [2]
          many: int64[1] = [9]
          halves: int64[2] = [2, 2]
          border: int64[8] = [0, 1, 0, 0, 0, 1, 0, 0]
          divided: int64[5] = [0, 2, 2, 4, 4]
          wide: int64[2] = [4, 16]
          yes: bool[] = [1]
          {{nodes}}
        }
        """);
}
