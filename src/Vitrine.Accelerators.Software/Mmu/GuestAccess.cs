using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// Guest memory as operations see it: linear addresses with the rights of the present mode. The fast path is one
/// compare; everything rare (miss, page crossing, MMIO, code page) is in <see cref="SoftMmu"/>.
/// </summary>
/// <remarks>
/// A method that returns false has recorded a fault or a bus access in the state; the operation must then return
/// <c>Faults.Raise</c> without having changed anything the guest can see.
/// </remarks>
internal static unsafe class GuestAccess
{
    // SAFETY: a TLB tag only matches for linear addresses whose whole page is backed by the slot memory at
    // linear + Addend; SoftMmu keeps that true when slots, translations or code pages change.

    /// <summary>Entries of each of the three TLBs. A power of two.</summary>
    public const int TlbEntries = 4096;

    private const ulong PageMask = Page.AddressMask;

    /// <summary>The only entry that can hold the page of an address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TlbEntry* EntryFor(TlbEntry* tlb, ulong linear) => tlb + ((linear >> 12) & (TlbEntries - 1));

    /// <summary>Reads an operand of 1 to 16 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Read<T>(CpuState* cpu, Op* op, ulong linear, out T value)
        where T : unmanaged
    {
        TlbEntry* entry = EntryFor(cpu->Tlb, linear);
        if (entry->ReadTag == (((linear + (ulong)(sizeof(T) - 1)) & PageMask) | cpu->TlbTag))
        {
            value = Unsafe.ReadUnaligned<T>((void*)(linear + entry->Addend));
            return true;
        }

        return ReadSlow(cpu, op, linear, out value);
    }

    /// <summary>Writes an operand of 1 to 16 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Write<T>(CpuState* cpu, Op* op, ulong linear, T value)
        where T : unmanaged
    {
        TlbEntry* entry = EntryFor(cpu->Tlb, linear);
        if (entry->WriteTag == (((linear + (ulong)(sizeof(T) - 1)) & PageMask) | cpu->TlbTag))
        {
            Unsafe.WriteUnaligned((void*)(linear + entry->Addend), value);
            return true;
        }

        return WriteSlow(cpu, op, linear, value);
    }

    /// <summary>
    /// Pointer to an operand that is read and then written, or null when the slow path is needed:
    /// <see cref="ReadForWrite"/>, then <see cref="Write"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void* TryWritePointer<T>(CpuState* cpu, ulong linear)
        where T : unmanaged
    {
        TlbEntry* entry = EntryFor(cpu->Tlb, linear);
        return entry->WriteTag == (((linear + (ulong)(sizeof(T) - 1)) & PageMask) | cpu->TlbTag)
            ? (void*)(linear + entry->Addend)
            : null;
    }

    /// <summary>Reads an operand that will be written: write permission is checked first, so that the later write can't fault.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool ReadForWrite<T>(CpuState* cpu, Op* op, ulong linear, out T value)
        where T : unmanaged
    {
        T result = default;
        bool ok = SoftMmu.Of(cpu).ProbeWrite(op, linear, sizeof(T)) && SoftMmu.Of(cpu).Read(op, linear, (byte*)&result, sizeof(T));
        value = result;
        return ok;
    }

    /// <summary>Checks that a later write of <paramref name="size"/> bytes will not fault. Bus addresses pass.</summary>
    public static bool ProbeWrite(CpuState* cpu, Op* op, ulong linear, int size) => SoftMmu.Of(cpu).ProbeWrite(op, linear, size);

    /// <summary>Checks that a later read of <paramref name="size"/> bytes will not fault. Bus addresses pass.</summary>
    public static bool ProbeRead(CpuState* cpu, Op* op, ulong linear, int size) => SoftMmu.Of(cpu).ProbeRead(op, linear, size);

    /// <summary>Reads many bytes (FXRSTOR, FNSAVE images, ...). Probes the whole range first.</summary>
    public static bool ReadBytes(CpuState* cpu, Op* op, ulong linear, byte* destination, int size) =>
        SoftMmu.Of(cpu).Read(op, linear, destination, size);

    /// <summary>Writes many bytes. Probes the whole range first, so that it writes all or nothing.</summary>
    public static bool WriteBytes(CpuState* cpu, Op* op, ulong linear, byte* source, int size) =>
        SoftMmu.Of(cpu).ProbeWrite(op, linear, size) && SoftMmu.Of(cpu).Write(op, linear, source, size);

    /// <summary>Reads as the processor itself does (descriptor tables, TSS): a supervisor access whatever the privilege level.</summary>
    public static bool ReadSystem<T>(CpuState* cpu, ulong linear, out T value)
        where T : unmanaged
    {
        T result = default;
        bool ok = SoftMmu.Of(cpu).AsSupervisor(linear, (byte*)&result, sizeof(T), write: false);
        value = result;
        return ok;
    }

    /// <summary>Writes as the processor itself does, see <see cref="ReadSystem"/>.</summary>
    public static bool WriteSystem<T>(CpuState* cpu, ulong linear, T value)
        where T : unmanaged => SoftMmu.Of(cpu).AsSupervisor(linear, (byte*)&value, sizeof(T), write: true);

    /// <summary>Sets and clears bits of a byte as the processor itself does, locked (SDM vol. 3, 9.1.2.1 "Automatic Locking").</summary>
    public static bool ChangeSystem(CpuState* cpu, ulong linear, byte set, byte clear) => SoftMmu.Of(cpu).ChangeAsSupervisor(linear, set, clear);

    /// <summary>Checks that a later <see cref="WriteSystem"/> in the range will not fault.</summary>
    public static bool ProbeWriteSystem(CpuState* cpu, ulong linear, int size) =>
        SoftMmu.Of(cpu).ProbeWriteAsSupervisor(linear, size);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool ReadSlow<T>(CpuState* cpu, Op* op, ulong linear, out T value)
        where T : unmanaged
    {
        T result = default;
        bool ok = SoftMmu.Of(cpu).Read(op, linear, (byte*)&result, sizeof(T));
        value = result;
        return ok;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool WriteSlow<T>(CpuState* cpu, Op* op, ulong linear, T value)
        where T : unmanaged => SoftMmu.Of(cpu).ProbeWrite(op, linear, sizeof(T)) && SoftMmu.Of(cpu).Write(op, linear, (byte*)&value, sizeof(T));
}
