using System.Collections.Immutable;
using static QuantBuild.Onnx.Diagnostics.DiagnosticSeverity;

namespace QuantBuild.Onnx.Diagnostics;

/// <summary>Every code that QuantBuild can report. A test holds this table and docs/errors together.</summary>
public static class DiagnosticCodes
{
    // QB1xxx: usage and settings
    public static readonly DiagnosticCode BadCommandLine = new("QB1001", Error, "The command line is not understood");
    public static readonly DiagnosticCode InvalidSetting = new("QB1002", Error, "A setting has a value that is not valid");
    public static readonly DiagnosticCode MissingSetting = new("QB1003", Error, "A setting that is needed is missing");
    public static readonly DiagnosticCode InvalidCombination = new("QB1004", Error, "Settings that do not go together");
    public static readonly DiagnosticCode DuplicateOutput = new("QB1005", Error, "Two models would be written to the same path");
    public static readonly DiagnosticCode UnknownMetadata = new("QB1006", Warning, "An item has metadata that QuantBuild does not know");
    public static readonly DiagnosticCode OutputNotWritable = new("QB1007", Error, "The output cannot be written");
    public static readonly DiagnosticCode NotBuilt = new("QB1101", Error, "The quantized model has not been built");
    public static readonly DiagnosticCode RuntimeMissing = new("QB1102", Error, "The .NET runtime that QuantBuild needs is missing");
    public static readonly DiagnosticCode PackageLeaks = new("QB1103", Warning, "The package would depend on QuantBuild");

    // QB2xxx: models and data
    public static readonly DiagnosticCode ModelNotFound = new("QB2001", Error, "The model does not exist");
    public static readonly DiagnosticCode NotAModel = new("QB2002", Error, "The file is not an ONNX model");
    public static readonly DiagnosticCode ModelNotLoadable = new("QB2003", Error, "ONNX Runtime cannot load or run the model");
    public static readonly DiagnosticCode ExternalDataMissing = new("QB2004", Error, "The model's external data cannot be read");
    public static readonly DiagnosticCode InvalidGraph = new("QB2005", Error, "The model's graph is not valid");
    public static readonly DiagnosticCode ModelTooLarge = new("QB2006", Error, "The model is too large");
    public static readonly DiagnosticCode ModelsDiffer = new("QB2007", Error, "Two models that are to be compared have other inputs or outputs");
    public static readonly DiagnosticCode NoSamples = new("QB2010", Error, "A data pattern matches no sample");
    public static readonly DiagnosticCode UnknownDataFormat = new("QB2011", Error, "A data file has a format that is not known");
    public static readonly DiagnosticCode UnreadableSample = new("QB2012", Error, "A data file cannot be decoded");
    public static readonly DiagnosticCode SampleShape = new("QB2013", Error, "A sample has the wrong shape");
    public static readonly DiagnosticCode SampleType = new("QB2014", Error, "A sample has the wrong element type");
    public static readonly DiagnosticCode SampleInput = new("QB2015", Error, "A sample lacks an input of the model or has one too many");
    public static readonly DiagnosticCode LabelOutOfRange = new("QB2016", Error, "A label is out of range");
    public static readonly DiagnosticCode InvalidLabel = new("QB2017", Error, "A label is missing or cannot be read");
    public static readonly DiagnosticCode InvalidManifest = new("QB2018", Error, "A manifest cannot be read");
    public static readonly DiagnosticCode InvalidCalibration = new("QB2020", Error, "A calibration file cannot be read");
    public static readonly DiagnosticCode CalibrationOfAnotherModel = new("QB2021", Error, "The calibration is of another model");
    public static readonly DiagnosticCode CalibrationOfOtherData = new("QB2022", Error, "The calibration was made from other data");
    public static readonly DiagnosticCode ShardsDoNotFit = new("QB2023", Error, "The shards of a calibration do not fit together");
    public static readonly DiagnosticCode InvalidLock = new("QB2024", Error, "A lock file cannot be read");
    public static readonly DiagnosticCode LockDoesNotFit = new("QB2025", Error, "A lock file does not fit its model");
    public static readonly DiagnosticCode DataOverlap = new("QB2030", Warning, "Calibration and evaluation share samples");
    public static readonly DiagnosticCode NotFinite = new("QB2031", Warning, "The model computes NaN or infinite values");
    public static readonly DiagnosticCode NothingQuantized = new("QB2032", Warning, "Nothing in the model is worth quantizing");
    public static readonly DiagnosticCode OpsetNotRaised = new("QB2033", Warning, "The model's opset cannot be raised");
    public static readonly DiagnosticCode SlowForm = new("QB2034", Warning, "The form that was chosen is slow on its target");
    public static readonly DiagnosticCode NotFused = new("QB2035", Warning, "ONNX Runtime does not run on integers what was meant to");
    public static readonly DiagnosticCode WeightsDequantized = new("QB2036", Warning, "Weights are dequantized at every run");
    public static readonly DiagnosticCode NothingPruned = new("QB2037", Warning, "Nothing was pruned, or much less than asked for");
    public static readonly DiagnosticCode InputNotFolded = new("QB2038", Warning, "An input stays float");

    // QB3xxx: gates
    public static readonly DiagnosticCode AccuracyGateFailed = new("QB3001", Error, "The quantized model lost too much accuracy");
    public static readonly DiagnosticCode AccuracyDropped = new("QB3002", Warning, "The quantized model lost accuracy and no limit is set");
    public static readonly DiagnosticCode AgreementLow = new("QB3003", Warning, "The quantized model often disagrees with the float model");
    public static readonly DiagnosticCode SlowerThanFloat = new("QB3004", Warning, "The quantized model is slower than the prepared float model");
    public static readonly DiagnosticCode SpeedGateFailed = new("QB3005", Error, "The quantized model is not fast enough");

    // QB9xxx: bugs of ours
    public static readonly DiagnosticCode InternalError = new("QB9001", Error, "QuantBuild failed");
    public static readonly DiagnosticCode ResultNotLoadable = new("QB9002", Error, "The quantized model cannot be loaded or run");
    public static readonly DiagnosticCode WorkerLost = new("QB9003", Error, "The worker ended before it was done");

    public static ImmutableArray<DiagnosticCode> All { get; } =
    [
        BadCommandLine, InvalidSetting, MissingSetting, InvalidCombination, DuplicateOutput, UnknownMetadata,
        OutputNotWritable, NotBuilt, RuntimeMissing, PackageLeaks,
        ModelNotFound, NotAModel, ModelNotLoadable, ExternalDataMissing, InvalidGraph, ModelTooLarge, ModelsDiffer, NoSamples,
        UnknownDataFormat, UnreadableSample, SampleShape, SampleType, SampleInput, LabelOutOfRange, InvalidLabel,
        InvalidManifest, InvalidCalibration, CalibrationOfAnotherModel, CalibrationOfOtherData, ShardsDoNotFit,
        InvalidLock, LockDoesNotFit, DataOverlap, NotFinite, NothingQuantized, OpsetNotRaised, SlowForm, NotFused, WeightsDequantized, NothingPruned, InputNotFolded,
        AccuracyGateFailed, AccuracyDropped, AgreementLow, SlowerThanFloat, SpeedGateFailed,
        InternalError, ResultNotLoadable, WorkerLost,
    ];
}
