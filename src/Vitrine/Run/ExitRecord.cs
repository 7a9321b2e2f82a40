using Vitrine.Accelerators;

namespace Vitrine.Run;

/// <summary>One exit, as far as a report needs it.</summary>
internal struct ExitRecord
{
    /// <summary>Its number since the vCPU was created, from 1; 0 in a record that holds nothing.</summary>
    public ulong Number;

    /// <summary>The reason.</summary>
    public VmExitReason Reason;

    /// <summary>True when the guest wrote.</summary>
    public bool IsWrite;

    /// <summary>Size of one access in bytes.</summary>
    public int Size;

    /// <summary>How many accesses.</summary>
    public int Count;

    /// <summary>Port, guest-physical address or MSR.</summary>
    public ulong Address;

    /// <summary>The first access's data, or the reason's number.</summary>
    public ulong Value;

    /// <inheritdoc/>
    public override readonly string ToString() => Reason switch
    {
        VmExitReason.PortIo when IsWrite => $"#{Number} out {Size} bytes to port 0x{Address:x}: 0x{Value:x}{Repeat}",
        VmExitReason.PortIo => $"#{Number} in {Size} bytes from port 0x{Address:x}: 0x{Value:x}{Repeat}",
        VmExitReason.Mmio when IsWrite => $"#{Number} write {Size} bytes to 0x{Address:x}: 0x{Value:x}",
        VmExitReason.Mmio => $"#{Number} read {Size} bytes from 0x{Address:x}: 0x{Value:x}",
        VmExitReason.Msr => $"#{Number} {(IsWrite ? "wrmsr" : "rdmsr")} 0x{Address:x}: 0x{Value:x}",
        VmExitReason.IoapicEoi => $"#{Number} end of interrupt, vector 0x{Value:x}",
        _ => $"#{Number} {Reason}{(Value == 0 ? "" : $" 0x{Value:x}")}",
    };

    private readonly string Repeat => Count > 1 ? $" ({Count} times)" : "";
}
