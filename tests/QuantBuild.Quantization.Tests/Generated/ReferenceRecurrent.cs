using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Generated;

/// <summary>
/// The LSTM whose weights [directions, inputs, 4 · hidden] are integers under a scale for each column. Its activations stay as they are here: what the kernel
/// makes of them at every step is no part of its definition.
/// </summary>
internal static class ReferenceRecurrent
{
    public static Numbers[] Lstm(Node node, Numbers?[] inputs)
    {
        var (x, hidden, forward) = (inputs[0]!, (int)node.Int("hidden_size", 0), node.Text("direction", "forward"));
        var (weights, recurrent, bias) = (Columns(inputs[1]!, inputs[8]!, inputs[9]!), Columns(inputs[2]!, inputs[10]!, inputs[11]!), inputs[3]!);
        var (steps, batch, directions) = (x.Shape[0], x.Shape[1], weights.Shape[0]);
        var outputs = new Dictionary<(int Step, int Direction, int Batch, int Cell), double>();
        var cells = new Dictionary<(int Direction, int Batch, int Cell), double>();
        foreach (var (direction, row) in Enumerable.Range(0, directions).SelectMany(direction => Enumerable.Range(0, batch).Select(row => (direction, row))))
        {
            var (state, cell) = (new double[hidden], new double[hidden]);
            var backwards = forward == "reverse" || direction == 1;
            foreach (var step in Enumerable.Range(0, steps).Select(index => backwards ? steps - 1 - index : index))
            {
                double Gate(int gate, int unit) => Enumerable.Range(0, x.Shape[2]).Sum(index => x[step, row, index] * weights[direction, index, (gate * hidden) + unit])
                    + Enumerable.Range(0, hidden).Sum(index => state[index] * recurrent[direction, index, (gate * hidden) + unit])
                    + bias[direction, (gate * hidden) + unit] + bias[direction, ((4 + gate) * hidden) + unit];
                (state, cell) = Step(Gate, cell);
                for (var unit = 0; unit < hidden; unit++)
                {
                    (outputs[(step, direction, row, unit)], cells[(direction, row, unit)]) = (state[unit], cell[unit]);
                }
            }
        }

        int Last(int direction) => forward == "reverse" || direction == 1 ? 0 : steps - 1;
        return
        [
            Numbers.Make([steps, directions, batch, hidden], position => outputs[(position[0], position[1], position[2], position[3])]),
            Numbers.Make([directions, batch, hidden], position => outputs[(Last(position[0]), position[0], position[1], position[2])]),
            Numbers.Make([directions, batch, hidden], position => cells[(position[0], position[1], position[2])]),
        ];
    }

    /// <summary>Gates in the order of ONNX: input, output, forget, cell.</summary>
    private static (double[] State, double[] Cell) Step(Func<int, int, double> gate, double[] before)
    {
        double[] cell = [.. before.Select((value, unit) =>
            (ReferenceElements.Sigmoid(gate(2, unit)) * value) + (ReferenceElements.Sigmoid(gate(0, unit)) * Math.Tanh(gate(3, unit))))];
        return ([.. cell.Select((value, unit) => ReferenceElements.Sigmoid(gate(1, unit)) * Math.Tanh(value))], cell);
    }

    private static Numbers Columns(Numbers x, Numbers scale, Numbers zeroPoint) => Numbers.Make(x.Shape, position =>
        (x[position] - zeroPoint[position[0], position[2]]) * scale[position[0], position[2]]);
}
