using System.Text.Json;
using System.Text.Json.Serialization;

namespace QuantBuild.Reporting;

/// <summary>Words in JSON, as in report.json.</summary>
public sealed class CamelCaseEnumConverter<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.CamelCase, allowIntegerValues: false)
    where T : struct, Enum;
