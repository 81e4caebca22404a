using QuantBuild.Tool.CommandLine;

namespace QuantBuild.Tool.Tests;

internal sealed class NearestWordTests
{
    [TestCase("", "", 0)]
    [TestCase("abc", "", 3)]
    [TestCase("kitten", "sitting", 3)]
    [TestCase("flaw", "lawn", 2)]
    public void Distance_TwoWords_CountsEdits(string from, string to, int expected) =>
        Assert.That(NearestWord.Distance(from, to), Is.EqualTo(expected));

    [TestCase("--OUTPUT", "--output")]
    [TestCase("--reprt", "--report")]
    [TestCase("--something", null)]
    public void Find_Word_GivesTheNearestThatIsNearEnough(string word, string? expected) =>
        Assert.That(NearestWord.Find(word, ["--output", "--report", "--metric"]), Is.EqualTo(expected));

    [Test]
    public void Find_NoCandidates_IsNull() => Assert.That(NearestWord.Find("x", []), Is.Null);
}
