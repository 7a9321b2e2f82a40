using System.Numerics;
using System.Runtime.CompilerServices;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>
/// The six arithmetic flags, computed only when somebody asks. An operation leaves its sign-extended result and a
/// vector of carries:
/// <code>
///  FlagResult   ZF = (FlagResult == 0)   SF = sign ^ SD   PF = even parity of (low byte ^ PD)
///  FlagAux      31  30       15..8  3   0
///               CF  CF^OF    PD     AF  SD
/// </code>
/// Bit 31 is the carry out of the most significant bit and bit 30 the carry into it, so an addition stores its carry
/// vector as it is. SD and PD are zero except where flags are set explicitly (POPF, SAHF, IRET): then any
/// combination of flags must be expressible. Other bits are noise.
/// </summary>
internal static unsafe class Flags
{
    // SAFETY: every method takes the vCPU's own state, which lives as long as the vCPU.
    public const ulong Cf = 1;
    public const ulong Pf = 4;
    public const ulong Af = 0x10;
    public const ulong Zf = 0x40;
    public const ulong Sf = 0x80;
    public const ulong Of = 0x800;

    /// <summary>CF PF AF ZF SF OF.</summary>
    public const ulong Arithmetic = Cf | Pf | Af | Zf | Sf | Of;

    private const uint AuxCarry = 1u << 31;
    private const uint AuxPartialOverflow = 1u << 30;
    private const uint AuxAdjust = 8;

    /// <summary>Auxiliary word of an addition or subtraction from the vector of carries (borrows) out of each bit.</summary>
    /// <typeparam name="T">The operand type: byte, ushort, uint or ulong.</typeparam>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint AuxFromCarries<T>(ulong carries)
        where T : unmanaged
    {
        if (sizeof(T) == 1) return ((uint)carries & AuxAdjust) | (uint)(carries << 24);
        if (sizeof(T) == 2) return ((uint)carries & AuxAdjust) | (uint)(carries << 16);
        if (sizeof(T) == 4) return (uint)carries & (AuxCarry | AuxPartialOverflow | AuxAdjust);
        return ((uint)carries & AuxAdjust) | ((uint)(carries >> 32) & (AuxCarry | AuxPartialOverflow));
    }

    /// <summary>Auxiliary word from single flags; SF and PF then follow the result.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Aux(bool carry, bool overflow, bool adjust = false)
    {
        uint c = carry ? AuxCarry : 0;
        uint p = carry != overflow ? AuxPartialOverflow : 0;
        return c | p | (adjust ? AuxAdjust : 0);
    }

    /// <summary>Stores the outcome of an operation: <paramref name="result"/> is truncated to <typeparamref name="T"/> and sign-extended.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Set<T>(CpuState* cpu, ulong result, uint aux)
        where T : unmanaged
    {
        cpu->FlagResult = Width.SignExtend<T>(result);
        cpu->FlagAux = aux;
    }

    /// <summary>CF.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Carry(CpuState* cpu) => (int)cpu->FlagAux < 0;

    /// <summary>CF as 0 or 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong CarryBit(CpuState* cpu) => cpu->FlagAux >> 31;

    /// <summary>ZF.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Zero(CpuState* cpu) => cpu->FlagResult == 0;

    /// <summary>SF.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Sign(CpuState* cpu) => ((cpu->FlagResult >> 63) ^ (cpu->FlagAux & 1)) != 0;

    /// <summary>OF.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Overflow(CpuState* cpu) => (int)(cpu->FlagAux + AuxPartialOverflow) < 0;

    /// <summary>AF.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Adjust(CpuState* cpu) => (cpu->FlagAux & AuxAdjust) != 0;

    /// <summary>PF.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Parity(CpuState* cpu) =>
        (BitOperations.PopCount((uint)(byte)((uint)cpu->FlagResult ^ (cpu->FlagAux >> 8))) & 1) == 0;

    /// <summary>The six flags at their places in RFLAGS.</summary>
    public static ulong GetArithmetic(CpuState* cpu) =>
        (Carry(cpu) ? Cf : 0) | (Parity(cpu) ? Pf : 0) | (Adjust(cpu) ? Af : 0) |
        (Zero(cpu) ? Zf : 0) | (Sign(cpu) ? Sf : 0) | (Overflow(cpu) ? Of : 0);

    /// <summary>Sets the six flags from their places in RFLAGS.</summary>
    public static void SetArithmetic(CpuState* cpu, ulong rflags)
    {
        bool carry = (rflags & Cf) != 0;
        bool overflow = (rflags & Of) != 0;
        cpu->FlagResult = (rflags & Zf) != 0 ? 0UL : 0x100;
        cpu->FlagAux = Aux(carry, overflow, (rflags & Af) != 0) |
            ((rflags & Sf) != 0 ? 1u : 0) | ((rflags & Pf) != 0 ? 0 : 0x100u);
    }

    /// <summary>Changes CF alone.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetCarry(CpuState* cpu, bool carry)
    {
        bool overflow = Overflow(cpu);
        uint rest = cpu->FlagAux & ~(AuxCarry | AuxPartialOverflow);
        cpu->FlagAux = rest | Aux(carry, overflow);
    }

    /// <summary>The whole of RFLAGS.</summary>
    public static ulong GetRflags(CpuState* cpu) => cpu->SystemFlags | GetArithmetic(cpu);

    /// <summary>
    /// Sets RFLAGS without any check: bit 1 is forced, bits 3, 5, 15 and 22 upwards are cleared. The caller refreshes
    /// the modes when VM, AC or TF changed (<see cref="System.ModeChange.Apply"/>).
    /// </summary>
    public static void SetRflags(CpuState* cpu, ulong rflags)
    {
        SetArithmetic(cpu, rflags);
        cpu->SystemFlags = (rflags & 0x003F_7700) | 2;
    }
}
