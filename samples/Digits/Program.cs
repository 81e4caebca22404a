using System.Diagnostics;
using Digits;

const int Rounds = 10;

var modelPath = Path.Combine(AppContext.BaseDirectory, "models", "digits.onnx");
var floatModelPath = Path.Combine(AppContext.BaseDirectory, "models", "digits.float.onnx");
using var deployed = new DigitClassifier(modelPath);
using var original = new DigitClassifier(floatModelPath);

var images = Directory
    .EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "data", "evaluation"), "*.png", SearchOption.AllDirectories)
    .Select(DigitImage.Load)
    .ToArray();

Console.WriteLine($"{images.Length} images     {"deployed",10} {"float",10}");
Console.WriteLine($"accuracy       {Accuracy(deployed),10:P2} {Accuracy(original),10:P2}");
Console.WriteLine($"size, bytes    {new FileInfo(modelPath).Length,10:N0} {new FileInfo(floatModelPath).Length,10:N0}");

// The models take turns, so that whatever else the machine does slows both alike.
var times = (Deployed: new List<double>(), Float: new List<double>());
for (var round = 0; round < Rounds; round++)
{
    foreach (var image in images)
    {
        times.Deployed.Add(Milliseconds(deployed, image));
        times.Float.Add(Milliseconds(original, image));
    }
}

Console.WriteLine($"latency, ms    {Median(times.Deployed),10:F3} {Median(times.Float),10:F3}");

double Accuracy(DigitClassifier classifier) => images.Average(image => classifier.Classify(image) == image.Label ? 1.0 : 0.0);

static double Milliseconds(DigitClassifier classifier, DigitImage image)
{
    var start = Stopwatch.GetTimestamp();
    classifier.Classify(image);
    return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
}

static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
