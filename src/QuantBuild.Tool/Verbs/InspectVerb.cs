using System.CommandLine;
using QuantBuild.Onnx;
using QuantBuild.Tool.CommandLine;
using QuantBuild.Tool.Inspection;
using QuantBuild.Tool.Terminal;

namespace QuantBuild.Tool.Verbs;

/// <summary><c>quantbuild inspect MODEL</c>: what is in the file.</summary>
internal sealed class InspectVerb(ToolConsole console)
{
    private readonly Argument<string> _model = new("MODEL") { Description = "An ONNX file." };
    private readonly Option<bool> _json = ToolOptions.Json();

    public Command Create()
    {
        var command = new Command("inspect", "Shows a model's inputs and outputs, its operators and the size of its weights.") { _model, _json };
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult line)
    {
        var path = line.GetRequiredValue(_model);
        var inspection = ModelInspection.Of(path, OnnxFile.Read(path));
        console.Output.Write(line.GetValue(_json) ? InspectionJson.Write(inspection) : InspectionText.Write(inspection));
        return ExitCodes.Success;
    }
}
