namespace QuantBuild.Tool.Tests.Worker;

/// <summary>Stands in for the quantizer: every model becomes the same bytes, with a lock file where one is asked for.</summary>
internal sealed class LockingQuantizer
{
    public LockingQuantizer() => Engine = Engine.Default with
    {
        Quantize = (request, _, _) =>
        {
            Calls++;
            return new(new byte[] { 1, 2, 3 }, Reports.Passed with { Model = request.Model }) { Lock = request.Settings.UpdateLock ? Lock : (ReadOnlyMemory<byte>?)null };
        },
    };

    public static byte[] Lock { get; } = [.. "{}\n"u8];

    public Engine Engine { get; }

    public int Calls { get; private set; }
}
