using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Tests;

/// <summary>Whatever is wrong with a file, its reader gives a sample of the right shape or an error that the user can mend.</summary>
internal sealed class DamagedFileTests
{
    private const int Trials = 400;

    private static IEnumerable<TestCaseData> Files =>
    [
        Case("x.png", Fixture.Read("images/rgb.png")),
        Case("x.jpg", Fixture.Read("jpeg/baseline420.jpg")),
        Case("x.jpeg", Fixture.Read("jpeg/progressive.jpg")),
        Case("x.bmp", Fixture.Read("images/palette.bmp")),
        Case("x.idx", FileBytes.Idx([2, 2, 2, 3], [.. Enumerable.Range(0, 24).Select(i => (byte)i)])),
        Case("x.csv", "file,label\r\n\"a.png\",3\n a.png ,3\n"u8.ToArray()),
        Case("x-labels.idx1-ubyte", FileBytes.Idx([1], 3)),
        Case("x.npy", FileBytes.Npy("<f4", [2, 3, 1, 2], 0f, 1f, 2f, 3f, 4f, 5f, 6f, 7f, 8f, 9f, 10f, 11f)),
        Case("x.npy", Fixture.Read("arrays/int32_fortran.npy")),
        Case("x.npy", Fixture.Read("arrays/text.npy")),
        Case("x.npz", FileBytes.Npz(("x", FileBytes.Npy("<f4", [1, 3, 1, 1], 1f, 2f, 3f)), ("label", FileBytes.Npy("<i4", [], 4)))),
        Case("x.npz", Fixture.Read("arrays/stored.npz")),
        Case("x.npz", Fixture.Read("arrays/deflated.npz")),
    ];

    [TestCaseSource(nameof(Files))]
    public void Read_RandomDamage_GivesASampleOrACodedError(string name, byte[] content)
    {
        var random = new Random(20);
        using var folder = new TemporaryFolder();
        folder.Write("a.png", Fixture.Read("images/rgb.png"));
        folder.Write("x-images.idx3-ubyte", FileBytes.Idx([1, 1, 1], 5));
        var codes = new HashSet<DiagnosticCode>();
        for (var trial = 0; trial < Trials; trial++)
        {
            folder.Write(name, Damage(content, random));
            if (Read(folder, name.Replace("labels.idx1", "images.idx3", StringComparison.Ordinal)) is { } code)
            {
                codes.Add(code);
            }
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(codes, Is.Not.Empty);
            Assert.That(codes.Select(code => code.Id), Is.SubsetOf(new[] { "QB2010", "QB2011", "QB2012", "QB2013", "QB2014", "QB2015", "QB2017", "QB2018" }));
        }
    }

    private static DiagnosticCode? Read(TemporaryFolder folder, string pattern)
    {
        try
        {
            var set = Samples.Open(folder, Samples.Input("x", ElementType.Float, 1, 3, null, null), pattern);
            for (var i = 0; i < Math.Min(set.Count, 3); i++)
            {
                var tensor = set.Read(i).Inputs["x"];
                Assert.That(
                    (tensor.Type, tensor.Rank, tensor.Dimensions[1], set.ContentHash(i).Length), Is.EqualTo((ElementType.Float, 4, 3L, 64)));
            }

            return null;
        }
        catch (QuantBuildException exception)
        {
            Assert.That(exception.Message, Does.Not.Contain('\n').And.Not.Contain('\r'));
            return exception.Code;
        }
    }

    private static byte[] Damage(byte[] content, Random random)
    {
        var bytes = content.ToArray();
        for (var flips = random.Next(4); flips > 0; flips--)
        {
            // Headers are where damage has the most meanings
            var at = random.Next(random.Next(2) == 0 ? bytes.Length : Math.Min(bytes.Length, 100));
            bytes[at] = random.Next(3) switch
            {
                0 => (byte)random.Next(256),
                1 => (byte)(bytes[at] ^ (1 << random.Next(8))),
                _ => (byte)(255 * random.Next(2)),
            };
        }

        return random.Next(3) == 0 ? bytes[..random.Next(bytes.Length)] : bytes;
    }

    private static TestCaseData Case(string name, byte[] content) => new TestCaseData(name, content).SetArgDisplayNames(name, $"{content.Length} bytes");
}
