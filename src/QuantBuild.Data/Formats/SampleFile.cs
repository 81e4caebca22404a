using System.Collections.Immutable;
using System.Security.Cryptography;

namespace QuantBuild.Data.Formats;

/// <summary>
/// One data file: indexed when it is made, then read sample by sample, from several threads at once and without
/// a handle that stays open.
/// </summary>
internal abstract class SampleFile(string path, string name)
{
    public string Path { get; } = path;

    /// <summary>The file as messages name it.</summary>
    public string Name { get; } = name;

    public virtual int Count => 1;

    /// <summary>Whether the format holds many samples, so that one of them is called by its number.</summary>
    public virtual bool HoldsMany => false;

    public virtual ImmutableArray<string> Companions => [];

    public virtual double? LabelOf(int index) => null;

    public abstract SampleInputs Read(int index);

    /// <summary>The sample's own bytes: equal for equal content, wherever the sample lies.</summary>
    public abstract void AppendContent(int index, IncrementalHash hash);
}
