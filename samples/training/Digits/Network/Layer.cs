namespace Digits.Training.Network;

/// <summary>
/// A step of the network on batches in NCHW order. <see cref="Backward"/> follows the <see cref="Forward"/> of the same batch.
/// </summary>
internal abstract class Layer
{
    public virtual IEnumerable<Parameter> Parameters => [];

    public abstract float[] Forward(float[] input, int count, bool training);

    /// <summary>Adds to the parameters' gradients and returns the gradients of the input.</summary>
    public abstract float[] Backward(float[] outputGradients, int count);
}
