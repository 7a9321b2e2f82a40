using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.System;

/// <summary>
/// The registers that a TSS holds (SDM vol. 3, figures 8-2 and 8-10):
/// <code>
///            link  CR3  EIP   EFLAGS  EAX ECX EDX EBX ESP EBP ESI EDI   ES CS SS DS FS GS   LDT   T
///  32 bits   00    1C   20    24      28  2C  30  34  38  3C  40  44    48 4C 50 54 58 5C   60    64 bit 0
///  16 bits   00    -    0E    10      12  14  16  18  1A  1C  1E  20    22 24 26 28 -  -    2A    -
/// </code>
/// </summary>
internal unsafe struct TaskImage
{
    // SAFETY: indices run below the constants that the fixed arrays are sized with.

    /// <summary>Smallest limit of a 32-bit TSS.</summary>
    public const uint MinimumLimit32 = 0x67;

    /// <summary>Smallest limit of a 16-bit TSS.</summary>
    public const uint MinimumLimit16 = 0x2B;

    private const int Registers = 8;
    private const int SegmentRegisters = 6;

    /// <summary>EAX to EDI in encoding order.</summary>
    public fixed uint Gpr[Registers];

    /// <summary>ES, CS, SS, DS, FS, GS.</summary>
    public fixed ushort Selectors[SegmentRegisters];

    /// <summary>EIP.</summary>
    public uint Rip;

    /// <summary>EFLAGS.</summary>
    public uint EFlags;

    /// <summary>CR3; 32-bit TSS only.</summary>
    public uint Cr3;

    /// <summary>LDTR.</summary>
    public ushort Ldt;

    /// <summary>The T flag: #DB when the task is entered; 32-bit TSS only.</summary>
    public bool DebugTrap;

    private bool _is32;

    /// <summary>The registers of the running task. Only what the processor saves is filled in.</summary>
    public static TaskImage Capture(CpuState* cpu, bool is32, ulong rip, ulong flags)
    {
        TaskImage image = new() { _is32 = is32, Rip = (uint)rip, EFlags = (uint)flags };
        for (int i = 0; i < Registers; i++) image.Gpr[i] = (uint)cpu->Gpr[i];
        for (int i = 0; i < SegmentRegisters; i++) image.Selectors[i] = (ushort)cpu->Segments[i].Selector;
        return image;
    }

    /// <summary>Reads the image of a task.</summary>
    /// <returns>False when a fault is recorded.</returns>
    public static bool TryRead(CpuState* cpu, ulong tss, bool is32, out TaskImage image)
    {
        image = new TaskImage { _is32 = is32 };
        for (int i = 0; i < Registers; i++)
        {
            if (!image.TryReadField(cpu, tss, image.GprOffset(i), out image.Gpr[i])) return false;
        }

        // A 16-bit TSS has no FS and GS: they become null.
        int segments = is32 ? SegmentRegisters : 4;
        for (int i = 0; i < segments; i++)
        {
            if (!GuestAccess.ReadSystem(cpu, tss + image.SelectorOffset(i), out image.Selectors[i])) return false;
        }

        if (!image.TryReadField(cpu, tss, is32 ? 0x20u : 0x0E, out image.Rip)) return false;
        if (!image.TryReadField(cpu, tss, is32 ? 0x24u : 0x10, out image.EFlags)) return false;
        if (!GuestAccess.ReadSystem(cpu, tss + (is32 ? 0x60u : 0x2A), out image.Ldt)) return false;
        if (!is32) return true;
        bool ok = GuestAccess.ReadSystem(cpu, tss + 0x1C, out image.Cr3) & GuestAccess.ReadSystem(cpu, tss + 0x64, out ushort trap);
        image.DebugTrap = (trap & 1) != 0;
        return ok;
    }

    /// <summary>The range of the TSS that <see cref="TryWrite"/> covers.</summary>
    public static void SavedRange(bool is32, out uint offset, out int size)
    {
        offset = is32 ? 0x20u : 0x0E;
        size = is32 ? 0x40 : 0x1C;
    }

    /// <summary>Saves the image. The range must have been probed.</summary>
    public bool TryWrite(CpuState* cpu, ulong tss)
    {
        bool ok = TryWriteField(cpu, tss, _is32 ? 0x20u : 0x0E, Rip) && TryWriteField(cpu, tss, _is32 ? 0x24u : 0x10, EFlags);
        for (int i = 0; ok && i < Registers; i++) ok = TryWriteField(cpu, tss, GprOffset(i), Gpr[i]);
        int segments = _is32 ? SegmentRegisters : 4;
        for (int i = 0; ok && i < segments; i++) ok = GuestAccess.WriteSystem(cpu, tss + SelectorOffset(i), Selectors[i]);
        return ok;
    }

    private readonly uint GprOffset(int number) => _is32 ? 0x28 + ((uint)number * 4) : 0x12 + ((uint)number * 2);

    private readonly uint SelectorOffset(int number) => _is32 ? 0x48 + ((uint)number * 4) : 0x22 + ((uint)number * 2);

    private readonly bool TryReadField(CpuState* cpu, ulong tss, uint offset, out uint value)
    {
        if (_is32) return GuestAccess.ReadSystem(cpu, tss + offset, out value);
        bool ok = GuestAccess.ReadSystem(cpu, tss + offset, out ushort value16);

        // The upper halves of the registers after a switch to a 16-bit task are undefined; ones is what a 386 leaves there.
        value = value16 | (offset is >= 0x12 and < 0x22 ? 0xFFFF_0000u : 0);
        return ok;
    }

    private readonly bool TryWriteField(CpuState* cpu, ulong tss, uint offset, uint value) =>
        _is32 ? GuestAccess.WriteSystem(cpu, tss + offset, value) : GuestAccess.WriteSystem(cpu, tss + offset, (ushort)value);
}
