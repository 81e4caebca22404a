using System.CommandLine;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Tool.CommandLine;
using QuantBuild.Tool.Inspection;
using QuantBuild.Tool.Terminal;

namespace QuantBuild.Tool.Verbs;

/// <summary><c>quantbuild inspect MODEL</c>: what is in the file.</summary>
internal sealed class InspectVerb(ToolConsole console)
{
    /// <summary>Shapes, axes and scales of a few channels are shown; weights are not.</summary>
    private const int MostElements = 16;

    private readonly Argument<string> _model = new("MODEL") { Description = "An ONNX file." };
    private readonly Option<bool> _json = ToolOptions.Json();

    private readonly Option<bool> _text = new("--text")
    {
        Description = $"Writes the whole graph as text, a line a node; tensors of more than {MostElements} elements are cut.",
    };

    public Command Create()
    {
        var command = new Command("inspect", "Shows a model's inputs and outputs, its operators and the size of its weights.") { _model, _json, _text };
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult line)
    {
        var path = line.GetRequiredValue(_model);
        if (line.GetValue(_text))
        {
            console.Output.Write(line.GetValue(_json)
                ? throw new QuantBuildException(DiagnosticCodes.BadCommandLine, "--json and --text exclude each other. Leave one of them out.")
                : GraphText.PrintShort(OnnxFile.Read(path), MostElements));
            return ExitCodes.Success;
        }

        var inspection = ModelInspection.Of(path, OnnxFile.Read(path));
        console.Output.Write(line.GetValue(_json) ? InspectionJson.Write(inspection) : InspectionText.Write(inspection));
        return ExitCodes.Success;
    }
}
