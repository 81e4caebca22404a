namespace QuantBuild.Quantization.Reports;

/// <summary>What was tried for the gate on accuracy.</summary>
/// <param name="Limit">The drop that the gates allow.</param>
/// <param name="Evaluations">How many candidates were judged; none where there is nothing to give back, as with a lock file.</param>
/// <param name="Samples">The half of the evaluation data that they were judged on; the report's accuracy is that of the other half.</param>
/// <param name="Drop">On that half, of the model that was taken; where none was, the smallest of all that were tried.</param>
/// <param name="Found">False where no candidate passes: then the model is the one that the search began with.</param>
public sealed record SearchReport(double Limit, int Evaluations, int Samples, double Drop, bool Found)
{
    /// <summary>By the table of costs, of the model that <see cref="Drop"/> is of, against the prepared float model; null where costs are not known.</summary>
    public double? PredictedSpeedup { get; init; }

    /// <summary>The limit on speed that was to be met besides; null for none.</summary>
    public double? MinSpeedup { get; init; }
}
