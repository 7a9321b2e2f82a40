using System.Runtime.CompilerServices;

namespace Vitrine.X86.Paging;

/// <summary>
/// The four page-directory-pointer registers of PAE paging (SDM vol. 3, 4.4.1 "PDPTE Registers"). The processor loads them
/// when CR3 is written, and when CR0 or CR4 switch PAE paging on or change it; memory isn't looked at between.
/// </summary>
[InlineArray(Count)]
public struct PdpteRegisters
{
    /// <summary>How many there are.</summary>
    public const int Count = 4;

    private ulong _element0;

    /// <summary>Copies the values out of an array of at least four.</summary>
    public static PdpteRegisters From(ReadOnlySpan<ulong> values)
    {
        PdpteRegisters registers = default;
        values[..Count].CopyTo(registers);
        return registers;
    }

    /// <summary>Loads the registers from memory.</summary>
    /// <param name="memory">Guest-physical memory.</param>
    /// <param name="cr3">The new CR3; bits 31:5 are used.</param>
    /// <param name="maxPhyAddr">Width of physical addresses in bits.</param>
    /// <param name="registers">The values.</param>
    /// <returns>False when a present entry has a reserved bit set: the instruction raises #GP(0) and the registers keep their values.</returns>
    public static bool TryLoad<TMemory>(ref TMemory memory, ulong cr3, int maxPhyAddr, out PdpteRegisters registers)
        where TMemory : struct, IPageTableMemory, allows ref struct
    {
        // Bits 2:1, 8:5 and those from MAXPHYADDR on.
        ulong reserved = 0x1E6 | (ulong.MaxValue << maxPhyAddr);
        ulong table = cr3 & 0xFFFF_FFE0;
        registers = default;
        for (int i = 0; i < Count; i++)
        {
            if (!memory.TryRead(table + (ulong)(8 * i), 8, out ulong entry))
                entry = ulong.MaxValue;
            if ((entry & 1) != 0 && (entry & reserved) != 0)
                return false;
            registers[i] = entry;
        }

        return true;
    }
}
