namespace QuantBuild.Data.Tests;

internal sealed class Crc32Tests
{
    [TestCase("", 0u)]
    [TestCase("123456789", 0xCBF43926u, Description = "the check value of CRC-32")]
    [TestCase("The quick brown fox jumps over the lazy dog", 0x414FA339u)]
    public void Of_KnownTexts_IsTheirChecksum(string text, uint expected) =>
        Assert.That(Crc32.Of(System.Text.Encoding.ASCII.GetBytes(text)), Is.EqualTo(expected));
}
