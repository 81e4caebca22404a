namespace QuantBuild.Tasks;

/// <summary>Where a code is explained.</summary>
internal static class DiagnosticPage
{
    public static string Of(string code) => $"https://github.com/quantbuild/quantbuild/blob/main/docs/errors/{code}.md";
}
