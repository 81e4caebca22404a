using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace QuantBuild.Tasks;

/// <summary>An error that the targets found themselves, at the line of the item that it is about.</summary>
[MSBuildMultiThreadableTask]
public sealed class LogModelError : Task
{
    [Required]
    public string Code { get; set; } = "";

    [Required]
    public string Text { get; set; } = "";

    /// <summary>The items that the error is about; it is reported at the last one.</summary>
    [Required]
    public ITaskItem[] Models { get; set; } = [];

    public override bool Execute()
    {
        var position = new ModelItem(Models[Models.Length - 1]).Position;
        new ModelLog(Log).Error(Code, Text, position);
        return false;
    }
}
