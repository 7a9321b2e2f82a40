using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Vitrine.Explain.Json;

/// <summary>64-bit numbers as strings "0x...": addresses and registers are read in hexadecimal, and many JSON readers lose bits above 2^53.</summary>
internal sealed class HexNumberConverter : JsonConverter<ulong>
{
    /// <inheritdoc/>
    public override ulong Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String && reader.GetString() is { } text && text.StartsWith("0x", StringComparison.Ordinal) &&
            ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value))
        {
            return value;
        }

        throw new JsonException("A number must be a string that begins with 0x.");
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, ulong value, JsonSerializerOptions options) =>
        writer.WriteStringValue(string.Create(CultureInfo.InvariantCulture, $"0x{value:x}"));
}
