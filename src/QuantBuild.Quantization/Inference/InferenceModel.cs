using System.Collections.Immutable;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Saturation;

namespace QuantBuild.Quantization.Inference;

/// <summary>Receives one output of a run; the bytes are ONNX Runtime's own and are gone when it returns.</summary>
internal delegate void OutputReader(int index, ElementType type, ReadOnlySpan<long> shape, ReadOnlySpan<byte> bytes);

/// <summary>A model in ONNX Runtime, on one thread unless more are asked for: runs may overlap. This type and <see cref="OptimizedModel"/> alone name the runtime.</summary>
internal sealed class InferenceModel : IDisposable
{
    internal const string ExternalDataFolder = "session.model_external_initializers_file_folder_path";
    internal const string DisablePrepacking = "session.disable_prepacking";
    private const string StopSpinning = "session.force_spinning_stop";
    private const string NoIntegerKernels = "session.disable_quant_qdq";
    private const string NoSaturation = "session.x64quantprecision";

    /// <summary>Below this, copies of weights are no matter.</summary>
    private const long ManyBytes = 1L << 28;

    private readonly InferenceSession _session;
    private readonly WideBorder? _border;
    private IntegerInputs? _integers;

    private InferenceModel(InferenceSession session, WideBorder? border = null)
    {
        _session = session;
        _border = border;
    }

    public static string RuntimeVersion => OrtEnv.Instance().GetVersionString();

    public IEnumerable<string> OutputNames => _session.OutputNames.Select(name => _border?.ModelName(name) ?? name);

    /// <summary>The inputs that a run needs: those with an initializer are left out.</summary>
    public ImmutableArray<InputSpecification> Inputs =>
        [.. _session.InputNames.Select(name => Specification(name, _session.InputMetadata[name]))];

    /// <summary>The outputs, with what ONNX Runtime knows of their shapes before any run.</summary>
    public ImmutableArray<InputSpecification> Outputs =>
        [.. _session.OutputNames.Select(name => Specification(_border?.ModelName(name) ?? name, _session.OutputMetadata[name]))];

    /// <summary>
    /// Weights of mapped files are mapped by ONNX Runtime as well. Where they are many they are not packed either, which would copy them,
    /// unless the model is to run as deployed.
    /// </summary>
    /// <exception cref="InferenceException">ONNX Runtime refuses the model.</exception>
    public static InferenceModel Load(Model model, Optimization optimization, int threads = 1)
    {
        var (bytes, folder) = OnnxFile.ToReferringBytes(model);
        var packs = optimization == Optimization.AsDeployed || !IsLarge(model);
        var session = Guard(() => (optimization == Optimization.Full && Processor.Saturates ? OpenUnsaturated(bytes, NewOptions) : null) ?? OpenPlain());
        session._integers = IntegerInputs.Of(model);
        GC.KeepAlive(model);
        return session;

        InferenceModel OpenPlain()
        {
            using var options = NewOptions();
            return Open(bytes, options);
        }

        SessionOptions NewOptions()
        {
            var options = Options(optimization == Optimization.Float && !packs ? Optimization.None : optimization, threads);
            if (folder is not null)
            {
                options.AddSessionConfigEntry(ExternalDataFolder, folder);
            }

            if (!packs)
            {
                options.AddSessionConfigEntry(DisablePrepacking, "1");
            }

            return options;
        }
    }

    /// <summary>True where copies of the weights would fill much memory.</summary>
    public static bool IsLarge(Model model) =>
        model.Graph.Initializers.Sum(value => value.Constant?.Region is { } region ? region.Length : 0) >= ManyBytes;

    /// <exception cref="InferenceException">ONNX Runtime refuses the model.</exception>
    public static InferenceModel Load(byte[] model, Optimization optimization)
    {
        using var options = Options(optimization);
        return Guard(() => Open(model, options));
    }

    /// <summary>Floats as the integers that the model takes in their place; the same inputs where it takes floats.</summary>
    public SampleInputs Adapt(SampleInputs inputs) => _integers?.Convert(inputs) ?? inputs;

    /// <summary>
    /// Runs the model and hands over its tensor outputs one by one. Sequences, maps and optional values are passed over, and so are
    /// outputs without a declared type of which ONNX Runtime's .NET API does not know the type.
    /// </summary>
    /// <exception cref="InferenceException">ONNX Runtime cannot run the model on these inputs.</exception>
    public void Run(SampleInputs inputs, IReadOnlyList<string> outputs, OutputReader read)
    {
        using var held = new HeldResults();
        Run(inputs, outputs, held, (index, tensor) => read(index, tensor.Type, tensor.Dimensions.AsSpan(), tensor.Bytes.Span));
    }

    /// <summary>The same with tensors that last as long as <paramref name="held"/>.</summary>
    /// <exception cref="InferenceException">ONNX Runtime cannot run the model on these inputs.</exception>
    public void Run(SampleInputs inputs, IReadOnlyList<string> outputs, HeldResults held, Action<int, TensorData> take)
    {
        inputs = Adapt(inputs);
        var feeds = held.Add(new Feeds());
        Guard(() =>
        {
            foreach (var name in _session.InputNames)
            {
                if (inputs.Tensors.TryGetValue(name, out var tensor))
                {
                    feeds.Add(name, _border?.TypeOf(name) is null ? tensor : WideElements.Widen(tensor));
                }
                else if (inputs.Sequences.TryGetValue(name, out var tensors))
                {
                    feeds.Add(name, tensors, Specification(name, _session.InputMetadata[name]).Type);
                }
            }

            var fetched = outputs.Index().Where(output => IsFetched(SessionName(output.Item))).ToArray();
            if (fetched.Length == 0)
            {
                return true;
            }

            using var run = new RunOptions();
            var results = held.Add(_session.Run(run, feeds.Names, feeds.Values, [.. fetched.Select(output => SessionName(output.Item))]));
            foreach (var ((index, name), result) in fetched.Zip(results))
            {
                if (TensorOf(result, _border?.TypeOf(name), held) is { } tensor)
                {
                    take(index, tensor);
                }
            }

            return true;
        });
    }

    /// <summary>Runs the model and copies its tensor outputs, in the order of the names.</summary>
    public TensorData[] Run(SampleInputs inputs, IReadOnlyList<string> outputs)
    {
        var tensors = new TensorData[outputs.Count];
        Run(inputs, outputs, (index, type, shape, bytes) => tensors[index] = new TensorData(type, [.. shape], bytes.ToArray()));
        return tensors;
    }

    public void Dispose() => _session.Dispose();

    /// <summary>Null where ONNX Runtime 1.31 refuses it: signed weights that two operators share, where it is to make unsigned ones of them. Then they saturate.</summary>
    private static InferenceModel? OpenUnsaturated(byte[] model, Func<SessionOptions> newOptions)
    {
        using var options = newOptions();
        options.AddSessionConfigEntry(NoSaturation, "1");
        try
        {
            return Open(model, options);
        }
        catch (OnnxRuntimeException)
        {
            return null;
        }
    }

    private static InferenceModel Open(byte[] model, SessionOptions options)
    {
        try
        {
            return new InferenceModel(new InferenceSession(model, options));
        }
        catch (OnnxRuntimeException exception) when (exception.Message.Contains("TensorElementType", StringComparison.Ordinal))
        {
            var border = WideBorder.Around(model, Opens);
            return new InferenceModel(new InferenceSession(border.Bytes, options), border);
        }

        bool Opens(byte[] probe)
        {
            try
            {
                using var session = new InferenceSession(probe, options);
                return true;
            }
            catch (OnnxRuntimeException)
            {
                return false;
            }
        }
    }

    internal static SessionOptions Options(Optimization optimization, int threads = 1)
    {
        var options = new SessionOptions
        {
            GraphOptimizationLevel = optimization switch
            {
                Optimization.None => GraphOptimizationLevel.ORT_DISABLE_ALL,
                Optimization.Basic => GraphOptimizationLevel.ORT_ENABLE_BASIC,
                _ => GraphOptimizationLevel.ORT_ENABLE_ALL,
            },
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
        };
        if (optimization == Optimization.Float)
        {
            options.AddSessionConfigEntry(NoIntegerKernels, "1");
        }

        if (threads > 1)
        {
            // Threads that still spin after a run would take the cores of the session whose turn is next.
            options.AddSessionConfigEntry(StopSpinning, "1");
        }

        return options;
    }

    /// <summary>Null for what is no tensor, or one of texts.</summary>
    private static TensorData? TensorOf(OrtValue value, ElementType? narrow, HeldResults held)
    {
        if (value.OnnxType != OnnxValueType.ONNX_TYPE_TENSOR)
        {
            return null;
        }

        var info = value.GetTensorTypeAndShape();
        if (info.ElementDataType == TensorElementType.String)
        {
            return null;
        }

        var bytes = info.ElementCount == 0 ? default : held.BytesOf(value);
        return narrow is { } type ? new(type, [.. info.Shape], WideElements.Narrow(bytes.Span, type)) : new((ElementType)info.ElementDataType, [.. info.Shape], bytes);
    }

    private string SessionName(string output) => _border?.SessionName(output) ?? output;

    /// <summary>The API ends the process when it is to name the type of an optional value that is not there.</summary>
    private bool IsFetched(string sessionOutput) =>
        _session.OutputMetadata.TryGetValue(sessionOutput, out var metadata) ? metadata.OnnxValueType != OnnxValueType.ONNX_TYPE_OPTIONAL : _border is null;

    private InputSpecification Specification(string name, NodeMetadata metadata) => metadata.OnnxValueType switch
    {
        OnnxValueType.ONNX_TYPE_TENSOR => new(
            name, _border?.TypeOf(name) ?? (ElementType)metadata.ElementDataType, [.. metadata.Dimensions.Select(length => length < 0 ? (long?)null : length)]),
        OnnxValueType.ONNX_TYPE_SEQUENCE when metadata.AsSequenceMetadata().ElementMeta is { IsTensor: true } element =>
            new(name, (ElementType)element.ElementDataType, default) { Kind = InputKind.Sequence },
        OnnxValueType.ONNX_TYPE_OPTIONAL when Specification(name, metadata.AsOptionalMetadata().ElementMeta) is { Kind: InputKind.Tensor or InputKind.Sequence } element =>
            element with { Kind = element.Kind == InputKind.Tensor ? InputKind.OptionalTensor : InputKind.OptionalSequence },
        _ => new(name, ElementType.Undefined, default) { Kind = InputKind.Other },
    };

    private static T Guard<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (OnnxRuntimeException exception)
        {
            throw new InferenceException(exception.Message.ReplaceLineEndings(" "), exception);
        }
    }
}

internal enum Optimization
{
    None,
    Basic,

    /// <summary>
    /// All but integer kernels: what stands between Q and DQ is computed in float, on every machine alike. A model of many weights is run as it is, since
    /// optimizing would copy them.
    /// </summary>
    Float,

    /// <summary>
    /// All, as in <see cref="AsDeployed"/>, for results that are the same on every x64: without the saturation of one that has no VNNI. Time and
    /// memory may differ.
    /// </summary>
    Full,

    /// <summary>What an application gets that sets nothing.</summary>
    AsDeployed,
}

/// <summary>ONNX Runtime cannot load or run a model; whose fault that is, the caller knows.</summary>
public sealed class InferenceException(string message, Exception inner) : Exception(message, inner);
