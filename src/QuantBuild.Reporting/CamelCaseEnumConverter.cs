using System.Text.Json;
using System.Text.Json.Serialization;

namespace QuantBuild.Reporting;

internal sealed class CamelCaseEnumConverter<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.CamelCase, allowIntegerValues: false)
    where T : struct, Enum;
