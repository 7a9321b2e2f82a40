using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.System;

/// <summary>
/// The memory type range registers and the page attribute table (SDM vol. 3, 12.11 and 12.12). The software CPU has no
/// caches: they are kept and checked, and have no other effect.
/// </summary>
internal sealed class MemoryTypeRanges
{
    private const int Variable = 8;
    private const uint LastVariable = Msr.IA32_MTRR_PHYSBASE0 + (2 * Variable) - 1;
    private const ulong FixedSupported = 1 << 8;
    private const ulong WriteCombining = 1 << 10;
    private const ulong DefaultTypeBits = 0xCFF;
    private const ulong BaseReserved = 0xF00;
    private const ulong MaskReserved = 0x7FF;
    private const ulong ResetPat = 0x0007_0406_0007_0406;

    // Types 0, 1, 4, 5, 6 (UC, WC, WT, WP, WB); a PAT may hold 7 (UC-) too.
    private const uint MtrrTypes = 0x73;
    private const uint PatTypes = 0xF3;

    private readonly ulong[] _variable = new ulong[2 * Variable];
    private readonly ulong[] _fixed = new ulong[11];
    private ulong _defaultType;
    private ulong _pat = ResetPat;

    /// <summary>Every register that can be written.</summary>
    public static IEnumerable<uint> Indices
    {
        get
        {
            for (uint i = Msr.IA32_MTRR_PHYSBASE0; i <= LastVariable; i++) yield return i;
            yield return Msr.IA32_MTRR_FIX64K_00000;
            yield return Msr.IA32_MTRR_FIX16K_80000;
            yield return Msr.IA32_MTRR_FIX16K_A0000;
            for (uint i = Msr.IA32_MTRR_FIX4K_C0000; i <= Msr.IA32_MTRR_FIX4K_F8000; i++) yield return i;
            yield return Msr.IA32_PAT;
            yield return Msr.IA32_MTRR_DEF_TYPE;
        }
    }

    /// <summary>Reads a register.</summary>
    /// <returns>False when it is none of these.</returns>
    public bool TryRead(uint index, out ulong value)
    {
        if (index == Msr.IA32_MTRRCAP)
        {
            value = Variable | FixedSupported | WriteCombining;
            return true;
        }

        ref ulong register = ref Find(index, out bool found);
        value = found ? register : 0;
        return found;
    }

    /// <summary>Writes a register.</summary>
    /// <returns>False when it is none of these, is read-only, or the value has a type or a bit that is reserved.</returns>
    /// <param name="index">Which.</param>
    /// <param name="value">The new value.</param>
    /// <param name="physicalBits">Width of physical addresses in bits.</param>
    public bool TryWrite(uint index, ulong value, int physicalBits)
    {
        ref ulong register = ref Find(index, out bool found);
        if (!found || !IsValid(index, value, physicalBits)) return false;
        register = value;
        return true;
    }

    private static bool IsValid(uint index, ulong value, int physicalBits)
    {
        bool isVariable = index is >= Msr.IA32_MTRR_PHYSBASE0 and <= LastVariable;
        if (isVariable && (value >> physicalBits) != 0) return false;
        if (isVariable && (index & 1) != 0) return (value & MaskReserved) == 0;
        if (isVariable) return (value & BaseReserved) == 0 && IsType(MtrrTypes, value);
        if (index == Msr.IA32_MTRR_DEF_TYPE) return (value & ~DefaultTypeBits) == 0 && IsType(MtrrTypes, value);
        uint types = index == Msr.IA32_PAT ? PatTypes : MtrrTypes;
        for (int shift = 0; shift < 64; shift += 8)
        {
            if (!IsType(types, value >> shift)) return false;
        }

        return true;
    }

    private static bool IsType(uint types, ulong value) => (byte)value < 8 && (types & (1u << (byte)value)) != 0;

    private ref ulong Find(uint index, out bool found)
    {
        found = true;
        switch (index)
        {
            case >= Msr.IA32_MTRR_PHYSBASE0 and <= LastVariable:
                return ref _variable[index - Msr.IA32_MTRR_PHYSBASE0];
            case Msr.IA32_MTRR_FIX64K_00000:
                return ref _fixed[0];
            case Msr.IA32_MTRR_FIX16K_80000:
                return ref _fixed[1];
            case Msr.IA32_MTRR_FIX16K_A0000:
                return ref _fixed[2];
            case >= Msr.IA32_MTRR_FIX4K_C0000 and <= Msr.IA32_MTRR_FIX4K_F8000:
                return ref _fixed[3 + index - Msr.IA32_MTRR_FIX4K_C0000];
            case Msr.IA32_PAT:
                return ref _pat;
            case Msr.IA32_MTRR_DEF_TYPE:
                return ref _defaultType;
            default:
                found = false;
                return ref _defaultType;
        }
    }
}
