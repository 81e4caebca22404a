using System.Buffers;
using Microsoft.ML.OnnxRuntime;

namespace QuantBuild.Quantization.Inference;

/// <summary>Outputs of runs in ONNX Runtime's own memory, for as long as they are needed: what only goes on to the next run is not copied.</summary>
internal sealed class HeldResults : IDisposable
{
    private readonly List<IDisposable> _results = [];

    public T Add<T>(T results)
        where T : IDisposable
    {
        _results.Add(results);
        return results;
    }

    /// <summary>The elements of a tensor. Reading them after these results were disposed of throws an <see cref="ObjectDisposedException"/>.</summary>
    public ReadOnlyMemory<byte> BytesOf(OrtValue value)
    {
        var elements = new Elements(value);
        _results.Add(elements);
        return elements.Memory;
    }

    public void Dispose()
    {
        // What reads goes before what it reads
        _results.Reverse();
        _results.ForEach(results => results.Dispose());
        _results.Clear();
    }

    private sealed unsafe class Elements(OrtValue value) : MemoryManager<byte>
    {
        private OrtValue? _value = value;

        public override Span<byte> GetSpan()
        {
            ObjectDisposedException.ThrowIf(_value is null, this);
            return _value.GetTensorMutableRawData();
        }

        /// <summary>It does not move.</summary>
        public override MemoryHandle Pin(int elementIndex = 0)
        {
            fixed (byte* first = GetSpan())
            {
                return new(first + elementIndex);
            }
        }

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
            _value?.Dispose();
            _value = null;
        }
    }
}
