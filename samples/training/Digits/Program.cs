// Writes the data and the model of samples/Digits. See README.md.
using System.Globalization;
using Digits.Training;
using QuantBuild.Onnx;

const int CalibrationPerClass = 20;

var validate = args is ["--validate"];
if (!validate && args.Length != 1)
{
    await Console.Error.WriteLineAsync("usage: Digits.Training SAMPLE-FOLDER | --validate").ConfigureAwait(false);
    return 2;
}

var (training, heldOut) = DigitSplit.Of(Digit.ReadTable(Path.Combine(AppContext.BaseDirectory, "data", "uci_digits.csv")));
if (validate)
{
    // Settings are chosen on a part of the training digits; the evaluation digits take no part in any choice.
    (training, heldOut) = DigitSplit.Of(training);
}

var network = Trainer.Train(training, (epoch, loss) => Print($"epoch {epoch,2}  loss {loss:F4}"));
Print($"accuracy  {network.Accuracy(training):P2} of {training.Count} training digits, {network.Accuracy(heldOut):P2} of {heldOut.Count} held out");
if (!validate)
{
    WriteImages(DigitSplit.First(training, CalibrationPerClass), Path.Combine(args[0], "data", "calibration"));
    WriteImages(heldOut, Path.Combine(args[0], "data", "evaluation"));
    Directory.CreateDirectory(Path.Combine(args[0], "models"));
    OnnxFile.Write(OnnxExport.Of(network), Path.Combine(args[0], "models", "digits.onnx"));
}

return 0;

static void WriteImages(List<Digit> digits, string folder)
{
    foreach (var digit in digits)
    {
        var classFolder = Directory.CreateDirectory(Path.Combine(folder, digit.Label.ToString(CultureInfo.InvariantCulture)));
        PngFile.WriteGrey(Path.Combine(classFolder.FullName, $"{digit.Row:D4}.png"), Digit.Side, digit.Pixels);
    }
}

static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
