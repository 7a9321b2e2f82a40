using System.Buffers.Binary;
using System.Globalization;

namespace Vitrine.Accelerators.Observation;

/// <summary>An exit in words.</summary>
public static class ExitText
{
    /// <summary>The reason with its detail, as it stands when the run has returned: a read is not answered yet.</summary>
    public static string Of(ref VmExit exit) => exit.Reason switch
    {
        VmExitReason.PortIo => Text($"PortIo: {(exit.IsWrite ? "out" : "in")} {Bytes(exit.Size)} {(exit.IsWrite ? "to" : "from")} port 0x{exit.Port:x}{Repeat(exit.Count)}{Written(ref exit)}"),
        VmExitReason.Mmio => Text($"Mmio: {(exit.IsWrite ? "write" : "read")} {Bytes(exit.Size)} at 0x{exit.Address:x}{Written(ref exit)}"),
        VmExitReason.Msr => Text($"Msr: {(exit.IsWrite ? "wrmsr" : "rdmsr")} 0x{exit.Address:x}{Written(ref exit)}"),
        VmExitReason.IoapicEoi => Text($"IoapicEoi: end of interrupt, vector 0x{exit.Vector:x}"),
        VmExitReason.Interrupted => "Interrupted: kicked, or a signal came",
        VmExitReason.SetTpr => "SetTpr: the guest has lowered CR8",
        VmExitReason.InterruptWindow => "InterruptWindow: an external interrupt could be delivered",
        VmExitReason.Halt => "Halt: HLT that user space has to wait out",
        VmExitReason.HaltForever => "HaltForever: HLT with interrupts disabled",
        VmExitReason.Shutdown => "Shutdown: triple fault",
        VmExitReason.FailEntry => Text($"FailEntry: the CPU refused to enter the guest, hardware reason 0x{exit.Detail:x}"),
        VmExitReason.InternalError => Text($"InternalError: suberror {exit.Suberror}, bytes {Instruction(ref exit)}"),
        VmExitReason.Debug => Text($"Debug: stopped at linear address 0x{exit.Address:x}"),
        VmExitReason.SystemEvent => exit.Detail switch
        {
            1 => "SystemEvent: shutdown",
            2 => "SystemEvent: reset",
            3 => "SystemEvent: crash",
            _ => Text($"SystemEvent: {exit.Detail}"),
        },
        _ => Text($"{exit.Reason}: {exit.Detail}"),
    };

    private static string Text(FormattableString text) => FormattableString.Invariant(text);

    private static string Bytes(int count) => count == 1 ? "1 byte" : Text($"{count} bytes");

    private static string Repeat(int count) => count > 1 ? Text($", {count} times") : "";

    private static string Instruction(ref VmExit exit) =>
        exit.InstructionBytes.IsEmpty ? "unknown" : Convert.ToHexStringLower(exit.InstructionBytes);

    private static string Written(ref VmExit exit)
    {
        if (!exit.IsWrite) return "";
        Span<byte> value = stackalloc byte[sizeof(ulong)];
        value.Clear();
        exit.Data[..Math.Min(Math.Min(exit.Size, value.Length), exit.Data.Length)].CopyTo(value);
        return ": 0x" + BinaryPrimitives.ReadUInt64LittleEndian(value).ToString("x", CultureInfo.InvariantCulture);
    }
}
