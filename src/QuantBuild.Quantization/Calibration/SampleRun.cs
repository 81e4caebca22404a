using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Calibration;

/// <summary>A sample that is read when it is needed, from a file or from a calibration.</summary>
internal sealed record SampleHandle(string Id, double? Label, Func<Sample> Read)
{
    /// <summary>Where it is among the data, which are looked through in another order.</summary>
    public int Place { get; init; }

    /// <summary>The one that comes first among the data, of those that are there.</summary>
    public static SampleHandle? First(SampleHandle? one, SampleHandle? other) => one is null || other?.Place < one.Place ? other : one;
}

/// <summary>How a request goes through samples.</summary>
internal delegate SampleRun SampleRunner(ImmutableArray<SampleHandle> samples);

/// <summary>Some samples, and how to go through them: in parallel, with progress, until cancelled.</summary>
internal sealed record SampleRun(
    ImmutableArray<SampleHandle> Samples, int Threads, IProgress<QuantizationProgress>? Progress, CancellationToken Cancellation)
{
    public int Count => Samples.Length;

    /// <summary>These samples of a set.</summary>
    public static ImmutableArray<SampleHandle> Handles(SampleSet set, IEnumerable<int> indices) =>
        [.. indices.Select(index => new SampleHandle(set[index].Id, set[index].Label, () => set.Read(index)) { Place = index })];

    public SampleRun Take(int count) => this with { Samples = [.. Samples.Take(count)] };

    /// <summary>Every other sample, and the rest: classes lie together in folders, and both halves have some of each.</summary>
    public (SampleRun First, SampleRun Second) Halves() => (
        this with { Samples = [.. Samples.Where((_, index) => index % 2 == 0)] },
        this with { Samples = [.. Samples.Where((_, index) => index % 2 == 1)] });

    /// <summary>Reads each sample and hands it to <paramref name="use"/>, from several threads and in no fixed order.</summary>
    /// <exception cref="QuantBuildException">A sample cannot be read, or the model cannot run on it.</exception>
    public void ForEach(string stage, Action<Sample> use) => ForEach(stage, (_, sample) => use(sample));

    /// <summary>The same with the sample's position among <see cref="Samples"/>.</summary>
    public void ForEach(string stage, Action<int, Sample> use)
    {
        var done = 0;
        try
        {
            Parallel.For(0, Count, new ParallelOptions { MaxDegreeOfParallelism = Threads, CancellationToken = Cancellation }, position =>
            {
                Use(Samples[position].Read(), sample => use(position, sample));
                Progress?.Report(new(stage, Interlocked.Increment(ref done), Count));
            });
        }
        catch (AggregateException exception)
        {
            // The first that fails in the order of the samples, so that the same data give the same error.
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(
                exception.InnerExceptions.OrderBy(inner => inner.Message, StringComparer.Ordinal).First());
        }
    }

    private static void Use(Sample sample, Action<Sample> use)
    {
        try
        {
            use(sample);
        }
        catch (InferenceException exception)
        {
            throw new QuantBuildException(DiagnosticCodes.ModelNotLoadable, $"{sample.Id}: ONNX Runtime cannot run the model on this sample: {exception.Message}", exception);
        }
    }
}
