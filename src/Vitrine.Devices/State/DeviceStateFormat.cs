using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Vitrine.Errors;

namespace Vitrine.Devices.State;

/// <summary>Between a device's own state type and its saved form.</summary>
/// <typeparam name="T">The state type. What a saved state leaves out has the value of a new one, which is that after power-on.</typeparam>
/// <param name="version">Version of the type's shape: raised when a field's meaning changes or a field goes.</param>
/// <param name="type">How it is written; asked when a state is first saved or loaded, which most machines never do: making it takes half a millisecond.</param>
internal sealed class DeviceStateFormat<T>(int version, Func<JsonTypeInfo<T>> type)
    where T : struct
{
    /// <summary>Writes a state.</summary>
    public DeviceState Write(string device, T state) => new(device, version, JsonSerializer.SerializeToElement(state, type()));

    /// <summary>Reads a state. Its values are for the device to check.</summary>
    /// <exception cref="VitrineException">It is another device's, or of another version or shape.</exception>
    public T Read(string device, DeviceState saved)
    {
        ArgumentNullException.ThrowIfNull(saved);
        InvalidState.Unless(saved.Name == device, device, $"it belongs to {saved.Name}");
        InvalidState.Unless(saved.Version == version, device, $"its version is {saved.Version}, and this program knows {version}");
        try
        {
            return saved.State.Deserialize(type());
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or NotSupportedException or FormatException)
        {
            throw InvalidState.Of(device, "it has another shape", error);
        }
    }
}
