using System.Collections.Immutable;

namespace QuantBuild.Data;

/// <summary>
/// Which samples to open, and for which inputs. Relative patterns start at <paramref name="BaseDirectory"/>; a pattern is a
/// file, a folder (all files below it) or a glob of <c>*</c>, <c>?</c> and <c>**</c>.
/// </summary>
public sealed record SampleSetRequest(
    ImmutableArray<string> Patterns,
    string BaseDirectory,
    ImmutableArray<InputSpecification> Inputs,
    ImagePreprocessing Preprocessing);
