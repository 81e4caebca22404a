using System.Security.Cryptography;

namespace Digits.Training;

/// <summary>
/// The parts of the data. Within each class the digits are ordered by the hash of their pixels, and every fifth is held out:
/// the parts depend on nothing but the digits.
/// </summary>
internal sealed record DigitSplit(List<Digit> Training, List<Digit> HeldOut)
{
    private const int Parts = 5;

    public static DigitSplit Of(IEnumerable<Digit> digits)
    {
        var ranked = Ranked(digits).ToList();
        return new DigitSplit(
            [.. ranked.Where(entry => entry.Rank % Parts != 0).Select(entry => entry.Digit)],
            [.. ranked.Where(entry => entry.Rank % Parts == 0).Select(entry => entry.Digit)]);
    }

    public static List<Digit> First(IEnumerable<Digit> digits, int countPerClass) =>
        [.. Ranked(digits).Where(entry => entry.Rank < countPerClass).Select(entry => entry.Digit)];

    private static IEnumerable<(int Rank, Digit Digit)> Ranked(IEnumerable<Digit> digits) =>
        from digit in digits
        group digit by digit.Label into sameClass
        orderby sameClass.Key
        from entry in sameClass
            .OrderBy(digit => Convert.ToHexString(SHA256.HashData(digit.Pixels)), StringComparer.Ordinal)
            .Select((digit, rank) => (rank, digit))
        select entry;
}
