namespace Digits.Training.Network;

/// <summary>What training changes: values, the gradients of the batch, and their momentum.</summary>
internal sealed class Parameter(float[] values, float decay)
{
    private const float Inertia = 0.9f;

    private readonly float[] _velocity = new float[values.Length];

    public float[] Values { get; } = values;

    public float[] Gradients { get; } = new float[values.Length];

    /// <summary>One step of gradient descent with Nesterov's momentum and weight decay.</summary>
    public void Step(float rate)
    {
        for (var i = 0; i < Values.Length; i++)
        {
            var gradient = Gradients[i] + (decay * Values[i]);
            _velocity[i] = (Inertia * _velocity[i]) + gradient;
            Values[i] -= rate * (gradient + (Inertia * _velocity[i]));
        }

        Array.Clear(Gradients);
    }
}
