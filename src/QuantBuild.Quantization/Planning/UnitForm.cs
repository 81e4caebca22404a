namespace QuantBuild.Quantization.Planning;

/// <summary>How one operator is quantized.</summary>
internal enum UnitForm
{
    /// <summary>Activations under scales from calibration, weights as integers: an integer kernel.</summary>
    Static,

    /// <summary>Activations under scales that each run finds, weights as integers: an integer kernel.</summary>
    Dynamic,

    /// <summary>Float activations, weights as integers.</summary>
    WeightOnly,
}
