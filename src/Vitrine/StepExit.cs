using System.Globalization;
using Vitrine.Accelerators;
using Vitrine.Run;

namespace Vitrine;

/// <summary>An exit that a stepped instruction caused, and who handled it.</summary>
/// <param name="Reason">Why the accelerator was left.</param>
/// <param name="IsWrite">True when the guest wrote.</param>
/// <param name="Address">Port, guest-physical address or index of the model-specific register; else 0.</param>
/// <param name="Size">Size of one access in bytes; 0 where there was none.</param>
/// <param name="Count">How many accesses to the same port; 1 for other accesses, 0 where there was none.</param>
/// <param name="Value">What the first access wrote, or was answered; for other exits the reason's number.</param>
/// <param name="Handler">The device that answered; null where nobody did, and for exits that no device answers.</param>
public sealed record StepExit(VmExitReason Reason, bool IsWrite, ulong Address, int Size, int Count, ulong Value, string? Handler)
{
    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Description}, {Handler ?? "nobody"}");

    /// <summary>The exit in words: "out 1 bytes to port 0x402: 0x53".</summary>
    public string Description => new ExitRecord
    {
        Reason = Reason,
        IsWrite = IsWrite,
        Address = Address,
        Size = Size,
        Count = Count,
        Value = Value,
    }.Describe();

    /// <summary>Notes an exit that was just handled.</summary>
    internal static StepExit From(ref VmExit exit, MachineBus bus)
    {
        ExitRecord record = ExitRecord.From(ref exit);
        bool access = exit.Reason is VmExitReason.PortIo or VmExitReason.Mmio or VmExitReason.Msr;
        string? handler = exit.Reason switch
        {
            VmExitReason.PortIo => bus.OwnerOfPort(exit.Port),
            VmExitReason.Mmio => bus.OwnerOfAddress(exit.Address),
            VmExitReason.IoapicEoi => "ioapic",
            _ => null,
        };
        return new StepExit(record.Reason, access && record.IsWrite, record.Address, access ? record.Size : 0, access ? record.Count : 0, record.Value, handler);
    }
}
