namespace Vitrine.Accelerators.Translation;

/// <summary>
/// What ended a run: an instruction of code that the accelerator made raised a signal in the host. That is a defect of the accelerator, or memory that the
/// host has taken away; it is never the guest's fault.
/// </summary>
public sealed record HostFault
{
    /// <summary>The signal's name.</summary>
    public required string Signal { get; init; }

    /// <summary>The signal's cause, si_code in sigaction(2).</summary>
    public required int Code { get; init; }

    /// <summary>Host address that was accessed, where the host knows it; else 0.</summary>
    public required ulong Address { get; init; }

    /// <summary>Guest-physical address of <see cref="Address"/>; null where it is not in the guest's memory.</summary>
    public required ulong? GuestPhysical { get; init; }

    /// <summary>Host address of the instruction that raised it.</summary>
    public required ulong HostRip { get; init; }

    /// <summary>That instruction; its offset is the distance from the first host byte of <see cref="Listing"/>, or of the code that all blocks share.</summary>
    public required HostCodeLine HostInstruction { get; init; }

    /// <summary>Which code it belongs to, as a part of a sentence.</summary>
    public required string Place { get; init; }

    /// <summary>RIP of the guest instruction that was executed; of its block where nothing says which one it was.</summary>
    public required ulong Rip { get; init; }

    /// <summary>The guest instruction; null where nothing says which one it was.</summary>
    public required GuestCodeLine? Instruction { get; init; }

    /// <summary>The code, guest beside host, as it is made of the guest's memory now; null where there is no block.</summary>
    public required BlockListing? Listing { get; init; }
}
