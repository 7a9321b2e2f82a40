using System.Text.Json;
using System.Text.Json.Serialization;
using Vitrine.Devices.State;
using Vitrine.Errors;

namespace Vitrine.State;

/// <summary>
/// The whole state of a machine that was held: <see cref="VirtualMachine.Capture"/> takes it, and <see cref="VirtualMachine.Restore"/> makes a
/// machine that goes on from it, as often as one likes. Without its memory it can be written as JSON. Nothing derived is in it, such as translations
/// of addresses and code.
/// </summary>
public sealed record MachineState
{
    /// <summary>Version of the shape of all but the devices' own states.</summary>
    public const int CurrentVersion = 1;

    private const string Part = "the machine";

    // In nanoseconds: 36 years, far from where sums of times overflow.
    private const long LongestLife = 1L << 60;

    /// <summary>Version of its shape.</summary>
    public required int Version { get; init; }

    /// <summary>The configuration that it needs.</summary>
    public required MachineIdentity Identity { get; init; }

    /// <summary>The machine's time: nanoseconds that it has run.</summary>
    public required long Clock { get; init; }

    /// <summary>The vCPUs by number.</summary>
    public required IReadOnlyList<VcpuState> Vcpus { get; init; }

    /// <summary>The devices of the board, in its order.</summary>
    public required IReadOnlyList<DeviceState> Devices { get; init; }

    /// <summary>
    /// What the accelerator holds beside its vCPUs, by name: KVM's interrupt controllers and timers. Empty on the software CPU.
    /// </summary>
    public required IReadOnlyDictionary<string, byte[]> Accelerator { get; init; }

    /// <summary>Bytes that the guest's serial port has not taken yet.</summary>
    public required byte[] SerialInput { get; init; }

    /// <summary>Guest memory; not part of the JSON.</summary>
    [JsonIgnore]
    public MemoryImage Memory { get; init; } = MemoryImage.Empty;

    /// <summary>All but the memory as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, MachineStateJson.Default.MachineState);

    /// <summary>Reads what <see cref="ToJson"/> wrote. Its values are checked when a machine is made from it.</summary>
    /// <param name="json">The text; nothing in it is trusted.</param>
    /// <param name="memory">Guest memory.</param>
    /// <exception cref="VitrineException">It is not the state of a machine, or of another version.</exception>
    public static MachineState FromJson(string json, MemoryImage memory)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(memory);
        try
        {
            MachineState? state = JsonSerializer.Deserialize(json, MachineStateJson.Default.MachineState);
            return (state ?? throw InvalidState.Of(Part, "it is null")) with { Memory = memory };
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or NotSupportedException or FormatException)
        {
            throw InvalidState.Of(Part, "it has another shape", error);
        }
    }

    /// <summary>Checks what can be checked before there is a machine.</summary>
    /// <exception cref="VitrineException">A value is impossible.</exception>
    internal void Check()
    {
        InvalidState.Unless(Version == CurrentVersion, Part, $"its version is {Version}, and this program knows {CurrentVersion}");
        InvalidState.Unless(Clock is >= 0 and <= LongestLife, Part, $"its time is {Clock} ns");
        InvalidState.Unless(Vcpus.Count == Identity.Cpus, Part, $"it has {Vcpus.Count} vCPUs, and names {Identity.Cpus}");
        for (int i = 0; i < Vcpus.Count; i++)
        {
            InvalidState.Unless(Vcpus[i] is not null, $"vCPU {i}", "it is null");
            ProcessorStateCheck.Require(Vcpus[i].Registers, $"vCPU {i}");
        }

        InvalidState.Unless(!Devices.Contains(null!), Part, "a device is null");
    }
}
