namespace Digits.Training.Network;

/// <summary>The largest of every 2×2 pixels.</summary>
internal sealed class MaxPoolingLayer(int side) : Layer
{
    public const int Window = 2;

    private int[] _chosen = [];

    public override float[] Forward(float[] input, int count, bool training)
    {
        var output = new float[input.Length / (Window * Window)];
        _chosen = new int[output.Length];
        for (var i = 0; i < output.Length; i++)
        {
            var (row, column) = Math.DivRem(i, side / Window);
            var corner = (row * Window * side) + (column * Window);
            ReadOnlySpan<int> places = [corner, corner + 1, corner + side, corner + side + 1];
            _chosen[i] = corner;
            foreach (var place in places)
            {
                _chosen[i] = input[place] > input[_chosen[i]] ? place : _chosen[i];
            }

            output[i] = input[_chosen[i]];
        }

        return output;
    }

    public override float[] Backward(float[] outputGradients, int count)
    {
        var inputGradients = new float[outputGradients.Length * Window * Window];
        for (var i = 0; i < outputGradients.Length; i++)
        {
            inputGradients[_chosen[i]] += outputGradients[i];
        }

        return inputGradients;
    }
}
