namespace QuantBuild.Data;

/// <summary>One sample: its values have their batch dimension.</summary>
public sealed record Sample(string Id, SampleInputs Inputs, double? Label);

/// <summary>
/// Where a sample lies: the <paramref name="Index"/>-th of those in <paramref name="File"/>. <paramref name="Id"/> is what
/// messages and reports call it, such as <c>data/3/x.png</c> or <c>x.npy#12</c>.
/// </summary>
public sealed record SampleReference(string File, int Index, double? Label, string Id);
