using Vitrine.Errors;
using Vitrine.Memory;

namespace Vitrine.State;

/// <summary>What a machine must have in common with the one whose state it takes over.</summary>
public sealed record MachineIdentity
{
    /// <summary>The board's name.</summary>
    public required string Board { get; init; }

    /// <summary>What runs the vCPUs: "kvm" or "soft". How the software CPU executes and translates makes no difference.</summary>
    public required string Accelerator { get; init; }

    /// <summary>Number of vCPUs.</summary>
    public required int Cpus { get; init; }

    /// <summary>CPU model.</summary>
    public required string CpuModel { get; init; }

    /// <summary>The memory slots, as "name start-end" in hexadecimal, by ascending address.</summary>
    public required IReadOnlyList<string> MemorySlots { get; init; }

    /// <summary>That of a machine about to be made.</summary>
    internal static MachineIdentity Of(MachineConfig config, string accelerator, GuestMemory memory) => new()
    {
        Board = config.Board.Name,
        Accelerator = accelerator,
        Cpus = config.Cpus,
        CpuModel = config.CpuModel,
        MemorySlots = [.. memory.Slots.Select(static slot => $"{slot.Name} 0x{slot.Start.Value:x}-0x{slot.End.Value:x}")],
    };

    /// <summary>Checks that a state with this identity suits a machine.</summary>
    /// <exception cref="VitrineException">It does not: the first difference is named.</exception>
    internal void Require(MachineIdentity machine)
    {
        Same("board", Board, machine.Board);
        Same("accelerator", Accelerator, machine.Accelerator);
        Same("number of CPUs", $"{Cpus}", $"{machine.Cpus}");
        Same("CPU model", CpuModel, machine.CpuModel);
        Same("memory", string.Join(", ", MemorySlots), string.Join(", ", machine.MemorySlots));
    }

    private static void Same(string what, string saved, string machine)
    {
        if (saved == machine) return;
        throw VitrineException.User(
            ErrorCode.StateConfiguration,
            $"The machine's {what} is {machine}, and its saved state has {saved}.",
            "A state can only go on in a machine of the configuration that it comes from.",
            "Create the machine with the configuration that the state was saved with.")
            .With("what", what).With("machine", machine).With("saved", saved);
    }
}
