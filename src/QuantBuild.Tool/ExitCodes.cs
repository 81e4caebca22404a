using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Tool;

/// <summary>What the process says to scripts.</summary>
internal static class ExitCodes
{
    public const int Success = 0;
    public const int GateFailed = 1;
    public const int UserError = 2;
    public const int Bug = 70;
    public const int Interrupted = 130;

    /// <summary>The first digit of a code says whose turn it is.</summary>
    public static int Of(DiagnosticCode code) => code.Id[2] switch
    {
        '3' => GateFailed,
        '9' => Bug,
        _ => UserError,
    };
}
