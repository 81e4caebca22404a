using System.Buffers;
using System.Collections.Immutable;
using Microsoft.ML.OnnxRuntime;
using QuantBuild.Data;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Inference;

/// <summary>Receives one output of a run; the bytes are ONNX Runtime's own and are gone when it returns.</summary>
internal delegate void OutputReader(int index, ElementType type, ReadOnlySpan<long> shape, ReadOnlySpan<byte> bytes);

/// <summary>A model in ONNX Runtime, on one thread: runs may overlap. The only type that names the runtime.</summary>
internal sealed class InferenceModel : IDisposable
{
    private const string ExternalDataFolder = "session.model_external_initializers_file_folder_path";
    private const string DisablePrepacking = "session.disable_prepacking";

    /// <summary>Below this, copies of weights are no matter.</summary>
    private const long ManyBytes = 1L << 28;

    private readonly InferenceSession _session;

    private InferenceModel(InferenceSession session) => _session = session;

    public static string RuntimeVersion => OrtEnv.Instance().GetVersionString();

    public IEnumerable<string> OutputNames => _session.OutputNames;

    /// <summary>The inputs that a run needs: those with an initializer are left out.</summary>
    public ImmutableArray<InputSpecification> Inputs =>
        [.. _session.InputNames.Select(name => Specification(name, _session.InputMetadata[name]))];

    /// <summary>The outputs, with what ONNX Runtime knows of their shapes before any run.</summary>
    public ImmutableArray<InputSpecification> Outputs =>
        [.. _session.OutputNames.Select(name => Specification(name, _session.OutputMetadata[name]))];

    /// <summary>
    /// Weights of mapped files are mapped by ONNX Runtime as well. Where they are many they are not packed either, which would copy them,
    /// unless the model is to run as deployed.
    /// </summary>
    /// <exception cref="InferenceException">ONNX Runtime refuses the model.</exception>
    public static InferenceModel Load(Model model, Optimization optimization)
    {
        var (bytes, folder) = OnnxFile.ToReferringBytes(model);
        var packs = optimization == Optimization.AsDeployed || MappedBytes(model) < ManyBytes;
        using var options = Options(optimization);
        if (folder is not null)
        {
            options.AddSessionConfigEntry(ExternalDataFolder, folder);
        }

        if (!packs)
        {
            options.AddSessionConfigEntry(DisablePrepacking, "1");
        }

        var session = Load(bytes, options);
        GC.KeepAlive(model);
        return session;
    }

    /// <exception cref="InferenceException">ONNX Runtime refuses the model.</exception>
    public static InferenceModel Load(byte[] model, Optimization optimization)
    {
        using var options = Options(optimization);
        return Load(model, options);
    }

    /// <summary>Runs the model and hands over its tensor outputs one by one; sequences and maps are passed over.</summary>
    /// <exception cref="InferenceException">ONNX Runtime cannot run the model on these inputs.</exception>
    public void Run(ImmutableDictionary<string, TensorData> inputs, IReadOnlyList<string> outputs, OutputReader read)
    {
        var pins = new List<MemoryHandle>();
        var values = new List<OrtValue>();
        try
        {
            Guard(() =>
            {
                var names = _session.InputNames.Where(inputs.ContainsKey).ToArray();
                values.AddRange(names.Select(name => ToValue(inputs[name], pins)));
                using var run = new RunOptions();
                using var results = _session.Run(run, names, values, [.. outputs]);
                for (var i = 0; i < results.Count; i++)
                {
                    Read(results[i], i, read);
                }

                return true;
            });
        }
        finally
        {
            values.ForEach(value => value.Dispose());
            pins.ForEach(pin => pin.Dispose());
        }
    }

    /// <summary>Runs the model and copies its tensor outputs, in the order of the names.</summary>
    public TensorData[] Run(ImmutableDictionary<string, TensorData> inputs, IReadOnlyList<string> outputs)
    {
        var tensors = new TensorData[outputs.Count];
        Run(inputs, outputs, (index, type, shape, bytes) => tensors[index] = new TensorData(type, [.. shape], bytes.ToArray()));
        return tensors;
    }

    public void Dispose() => _session.Dispose();

    private static InferenceModel Load(byte[] model, SessionOptions options) => Guard(() => new InferenceModel(new InferenceSession(model, options)));

    private static SessionOptions Options(Optimization optimization) => new()
    {
        GraphOptimizationLevel = optimization switch
        {
            Optimization.None => GraphOptimizationLevel.ORT_DISABLE_ALL,
            Optimization.Basic => GraphOptimizationLevel.ORT_ENABLE_BASIC,
            _ => GraphOptimizationLevel.ORT_ENABLE_ALL,
        },
        ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
        IntraOpNumThreads = 1,
        InterOpNumThreads = 1,
        LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
    };

    private static long MappedBytes(Model model) =>
        model.Graph.Initializers.Sum(value => value.Constant?.Region is { } region ? region.Length : 0);

    private static void Read(OrtValue value, int index, OutputReader read)
    {
        if (value.OnnxType != OnnxValueType.ONNX_TYPE_TENSOR)
        {
            return;
        }

        var info = value.GetTensorTypeAndShape();
        if (info.ElementDataType != Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.String)
        {
            read(index, (ElementType)info.ElementDataType, info.Shape, info.ElementCount == 0 ? [] : value.GetTensorMutableRawData());
        }
    }

    private static unsafe OrtValue ToValue(TensorData tensor, List<MemoryHandle> pins)
    {
        long[] shape = [.. tensor.Dimensions];
        if (tensor.Type == ElementType.String)
        {
            var strings = OrtValue.CreateTensorWithEmptyStrings(OrtAllocator.DefaultInstance, shape);
            foreach (var (index, text) in tensor.Strings.Index())
            {
                strings.StringTensorSetElementAt(text.Span, index);
            }

            return strings;
        }

        var pin = tensor.Bytes.Pin();
        pins.Add(pin);
        return OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance, (Microsoft.ML.OnnxRuntime.Tensors.TensorElementType)tensor.Type, shape, (nint)pin.Pointer, tensor.Bytes.Length);
    }

    private static InputSpecification Specification(string name, NodeMetadata metadata) => metadata.IsTensor
        ? new(name, (ElementType)metadata.ElementDataType, [.. metadata.Dimensions.Select(length => length < 0 ? (long?)null : length)])
        : new(name, ElementType.Undefined, default);

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

    /// <summary>All, as in <see cref="AsDeployed"/>, for results alone: time and memory may differ.</summary>
    Full,

    /// <summary>What an application gets that sets nothing.</summary>
    AsDeployed,
}

/// <summary>ONNX Runtime cannot load or run a model; whose fault that is, the caller knows.</summary>
public sealed class InferenceException(string message, Exception inner) : Exception(message, inner);
