namespace Digits.Training.Network;

/// <summary>Values to begin training with.</summary>
internal static class Initial
{
    /// <summary>Normally distributed with the variance 2 / <paramref name="inputs"/>, which suits layers followed by Relu.</summary>
    public static float[] Normal(int count, int inputs, Random random)
    {
        var deviation = Math.Sqrt(2.0 / inputs);
        var values = new float[count];
        for (var i = 0; i < count; i++)
        {
            var radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            values[i] = (float)(deviation * radius * Math.Cos(2 * Math.PI * random.NextDouble()));
        }

        return values;
    }

    public static float[] Constant(int count, float value)
    {
        var values = new float[count];
        Array.Fill(values, value);
        return values;
    }
}
