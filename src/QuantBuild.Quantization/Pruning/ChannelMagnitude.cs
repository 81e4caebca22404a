namespace QuantBuild.Quantization.Pruning;

/// <summary>The energy of the weights that make each channel, as a share of all channels': what there is to go by where nothing is known of the inputs.</summary>
internal static class ChannelMagnitude
{
    public static double[] Of(ChannelGroup group)
    {
        var shares = new double[group.Count];
        foreach (var slot in group.Producers.Where(slot => slot.Input == 1))
        {
            var constant = slot.Node.Input(1)!.Constant!;
            var inner = (int)constant.Dimensions.Skip(slot.Axis + 1).Aggregate(1L, (product, length) => product * length);
            var energies = new double[constant.Dimensions[slot.Axis]];
            foreach (var (index, element) in constant.ToFloats().Index())
            {
                energies[index / inner % energies.Length] += (double)element * element;
            }

            var all = energies.Sum();
            for (var channel = 0; channel < group.Count && all > 0; channel++)
            {
                shares[channel] += slot.Positions[channel].Sum(position => energies[position]) / all;
            }
        }

        return shares;
    }
}
