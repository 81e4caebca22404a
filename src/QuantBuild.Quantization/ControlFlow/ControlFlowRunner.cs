using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.ControlFlow;

/// <summary>Does what an If, Loop or Scan does, with bodies that hand out values.</summary>
internal sealed class ControlFlowRunner(Node node, ImmutableArray<ScopeRunner> bodies) : IDisposable
{
    /// <summary>Scan was another operator in opset 8; so old a model stays float in any case.</summary>
    public const long FirstOpset = 9;

    public bool IsNeeded => !bodies.IsEmpty;

    /// <summary>The values of the graphs around the node that a run needs.</summary>
    public IEnumerable<Value> Intake =>
        node.Inputs.OfType<Value>().Where(input => !input.IsConstant).Concat(bodies.SelectMany(body => body.Captured)).Distinct();

    /// <summary>
    /// Runs the bodies as often as the node does. Nothing is run where something comes in that is no tensor: then <paramref name="known"/> lacks it.
    /// </summary>
    public void Run(Dictionary<string, TensorData> known, OutputReader read)
    {
        if (Intake.All(value => known.ContainsKey(value.Name)))
        {
            switch (node.OpType)
            {
                case "If":
                    RunBranch(known, read);
                    break;
                case "Loop":
                    RunLoop(known, read);
                    break;
                default:
                    RunScan(known, read);
                    break;
            }
        }
    }

    public void Dispose()
    {
        foreach (var body in bodies)
        {
            body.Dispose();
        }
    }

    private static bool IsTrue(TensorData condition) => condition.AsSpan<bool>()[0];

    private static TensorData Of(Value value, Dictionary<string, TensorData> known) => value.IsConstant ? value.Constant! : known[value.Name];

    private void RunBranch(Dictionary<string, TensorData> known, OutputReader read)
    {
        var name = IsTrue(Of(node.Input(0)!, known)) ? "then_branch" : "else_branch";
        if (bodies.FirstOrDefault(body => node.Attributes[name].Graphs.Contains(body.Graph)) is { } branch)
        {
            branch.Run(Inputs(branch, known, []), read);
        }
    }

    /// <summary>The body takes the iteration, the condition and what is carried; it makes the next condition and what is carried on.</summary>
    private void RunLoop(Dictionary<string, TensorData> known, OutputReader read)
    {
        var body = bodies[0];
        var limit = node.Input(0) is { } count ? Of(count, known).ToLongs()[0] : long.MaxValue;
        var condition = node.Input(1) is { } first ? IsTrue(Of(first, known)) : true;
        ImmutableArray<TensorData> carried = [.. node.Inputs.Skip(2).Select(input => Of(input!, known))];
        var results = body.Graph.Outputs.Take(carried.Length + 1).ToArray();
        for (var iteration = 0L; iteration < limit && condition; iteration++)
        {
            TensorData[] given = [Shaped(TensorData.Scalar(iteration), body.Graph.Inputs[0]), Shaped(TensorData.Scalar(condition), body.Graph.Inputs[1]), .. carried];
            if (body.Run(Inputs(body, known, given), read, results) is not { } made || !results.All(result => result.IsConstant || made.ContainsKey(result.Name)))
            {
                return;
            }

            condition = IsTrue(Of(results[0], made));
            carried = [.. results.Skip(1).Select(result => Of(result, made))];
        }
    }

    /// <summary>The body takes the states and one slice of each scanned input; it makes the next states.</summary>
    private void RunScan(Dictionary<string, TensorData> known, OutputReader read)
    {
        var body = bodies[0];
        var given = node.Inputs.Select(input => Of(input!, known)).ToArray();
        var scanned = (int)node.Int("num_scan_inputs", 1);
        ImmutableArray<TensorData> states = [.. given.SkipLast(scanned)];
        var results = body.Graph.Outputs.Take(states.Length).ToArray();
        Scanned[] inputs = [.. given.TakeLast(scanned).Select((tensor, index) => new Scanned(tensor, At(node.Ints("scan_input_axes"), index), At(node.Ints("scan_input_directions"), index) == 1))];
        if (inputs.Any(input => !input.CanBeSliced))
        {
            return;
        }

        for (var step = 0L; step < inputs[0].Length; step++)
        {
            if (body.Run(Inputs(body, known, [.. states, .. inputs.Select(input => input.At(step))]), read, results) is not { } made
                || !results.All(result => result.IsConstant || made.ContainsKey(result.Name)))
            {
                return;
            }

            states = [.. results.Select(result => Of(result, made))];
        }
    }

    private static long At(ImmutableArray<long> values, int index) => values.IsDefault ? 0 : values[index];

    /// <summary>A body may declare its iteration and condition as vectors of one element.</summary>
    private static TensorData Shaped(TensorData scalar, Value input) => input.DeclaredShape is { IsDefault: false, Length: 1 } ? scalar.Reshape([1]) : scalar;

    private static SampleInputs Inputs(ScopeRunner body, Dictionary<string, TensorData> known, TensorData[] given) => body.Captured
        .Select(value => KeyValuePair.Create(value.Name, known[value.Name]))
        .Concat(body.Graph.Inputs.Zip(given, (input, tensor) => KeyValuePair.Create(input.Name, tensor))).ToImmutableDictionary();

    /// <summary>An input that a Scan goes through along an axis, from one of its ends.</summary>
    private sealed class Scanned
    {
        private readonly TensorData _tensor;
        private readonly int _axis;
        private readonly bool _isReversed;

        public Scanned(TensorData tensor, long axis, bool isReversed)
        {
            (_tensor, _isReversed) = (tensor, isReversed);
            _axis = (int)(axis < 0 ? axis + tensor.Rank : axis);
        }

        public bool CanBeSliced => _tensor.Type.BitsPerElement() >= 8;

        public long Length => _tensor.Dimensions[_axis];

        /// <summary>The slice of a step, without the axis.</summary>
        public TensorData At(long step)
        {
            var inner = (int)_tensor.Dimensions.Skip(_axis + 1).Aggregate((long)_tensor.Type.BitsPerElement() / 8, (product, length) => product * length);
            var outer = (int)_tensor.Dimensions.Take(_axis).Aggregate(1L, (product, length) => product * length);
            var (length, position) = ((int)Length, (int)(_isReversed ? Length - 1 - step : step));
            var slice = new byte[outer * inner];
            for (var i = 0; i < outer; i++)
            {
                _tensor.Bytes.Span.Slice(((i * length) + position) * inner, inner).CopyTo(slice.AsSpan(i * inner));
            }

            return new(_tensor.Type, _tensor.Dimensions.RemoveAt(_axis), slice);
        }
    }
}
