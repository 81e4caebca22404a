using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Data;

/// <summary>The tensors of one sample, by the names of the model's inputs, with their batch dimension.</summary>
public sealed record Sample(string Id, ImmutableDictionary<string, TensorData> Inputs, double? Label);

/// <summary>
/// Where a sample lies: the <paramref name="Index"/>-th of those in <paramref name="File"/>. <paramref name="Id"/> is what
/// messages and reports call it, such as <c>data/3/x.png</c> or <c>x.npy#12</c>.
/// </summary>
public sealed record SampleReference(string File, int Index, double? Label, string Id);
