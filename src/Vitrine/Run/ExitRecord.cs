using System.Buffers.Binary;
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

    /// <summary>Takes an exit down, after it was handled, so that what a read returned is in it. The number is left at 0.</summary>
    public static ExitRecord From(ref VmExit exit)
    {
        ExitRecord record = new() { Reason = exit.Reason, IsWrite = exit.IsWrite, Size = exit.Size, Count = exit.Count };
        switch (exit.Reason)
        {
            case VmExitReason.PortIo:
                record.Address = exit.Port;
                record.Value = FirstValue(ref exit);
                break;
            case VmExitReason.Mmio or VmExitReason.Msr:
                record.Address = exit.Address;
                record.Value = FirstValue(ref exit);
                break;
            case VmExitReason.IoapicEoi:
                record.Value = exit.Vector;
                break;
            case VmExitReason.InternalError:
                record.Value = exit.Suberror;
                break;
            default:
                record.Value = exit.Detail;
                break;
        }

        return record;
    }

    /// <inheritdoc/>
    public override readonly string ToString() => $"#{Number} {Describe()}";

    /// <summary>The exit in words, without its number.</summary>
    public readonly string Describe() => Reason switch
    {
        VmExitReason.PortIo when IsWrite => $"out {Bytes} to port 0x{Address:x}: 0x{Value:x}{Repeat}",
        VmExitReason.PortIo => $"in {Bytes} from port 0x{Address:x}: 0x{Value:x}{Repeat}",
        VmExitReason.Mmio when IsWrite => $"write {Bytes} to 0x{Address:x}: 0x{Value:x}",
        VmExitReason.Mmio => $"read {Bytes} from 0x{Address:x}: 0x{Value:x}",
        VmExitReason.Msr => $"{(IsWrite ? "wrmsr" : "rdmsr")} 0x{Address:x}: 0x{Value:x}",
        VmExitReason.IoapicEoi => $"end of interrupt, vector 0x{Value:x}",
        _ => $"{Reason}{(Value == 0 ? "" : $" 0x{Value:x}")}",
    };

    private readonly string Bytes => Size == 1 ? "1 byte" : $"{Size} bytes";

    private readonly string Repeat => Count > 1 ? $" ({Count} times)" : "";

    private static ulong FirstValue(ref VmExit exit)
    {
        Span<byte> value = stackalloc byte[8];
        value.Clear();
        Span<byte> data = exit.Data;
        data[..Math.Min(Math.Min(Math.Max(exit.Size, 0), 8), data.Length)].CopyTo(value);
        return BinaryPrimitives.ReadUInt64LittleEndian(value);
    }
}
