namespace Microsoft.Build.Framework;

/// <summary>
/// MSBuild looks for this attribute by its name: a task that has it stays in the process of a multi-threaded build (-mt). The
/// MSBuild that we compile against does not have it yet.
/// </summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
internal sealed class MSBuildMultiThreadableTaskAttribute : Attribute;
