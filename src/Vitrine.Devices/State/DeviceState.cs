using System.Text.Json;

namespace Vitrine.Devices.State;

/// <summary>The saved state of one device.</summary>
/// <param name="Name">The device's name, as <see cref="IInspectable.Name"/>.</param>
/// <param name="Version">Version of the shape of <paramref name="State"/>, from 1; counted for each device.</param>
/// <param name="State">Its registers and whatever else it holds, by name.</param>
public sealed record DeviceState(string Name, int Version, JsonElement State);
