using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.State;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>
/// Where a vCPU's <see cref="CpuState"/> lies: translated code has its address in RSP, so a stack for signal handlers is below it; behind
/// it are the tables that translated code addresses from there.
/// </summary>
internal static unsafe class StateMemory
{
    // SAFETY: one allocation holds all parts at the offsets that are computed here.

    /// <summary>Entries of the branch table: one for each value of a target's low bits, so many that programs of ordinary size don't dispute them.</summary>
    public const int Branches = 1 << 18;

    /// <summary>Keys that entries of translations compare with.</summary>
    public const int Cells = 1 << 16;

    // A signal's frame with the AVX-512 and AMX state is below 12 KiB, and handlers need some room too.
    private const int StackBytes = 128 << 10;

    // The legacy region of an XSAVE area and its header (SDM vol. 1, 13.4).
    private const int X87AreaBytes = 576;

    /// <summary>Where the branch table lies behind the state: host addresses.</summary>
    public static int BranchTable => (sizeof(CpuState) + 63) & ~63;

    /// <summary>Where the keys lie behind the state.</summary>
    public static int Keys => BranchTable + (Branches * sizeof(ulong));

    /// <summary>Where an XSAVE area for the x87 registers lies behind the state, aligned to 64 bytes.</summary>
    public static int X87Area => Keys + (Cells * sizeof(ulong));

    /// <summary>Allocates a state, all zero.</summary>
    public static CpuState* Allocate()
    {
        nuint bytes = (nuint)(StackBytes + X87Area + X87AreaBytes);
        byte* memory = (byte*)NativeMemory.AlignedAlloc(bytes, 4096);
        NativeMemory.Clear(memory, bytes);
        return (CpuState*)(memory + StackBytes);
    }

    /// <summary>Frees a state.</summary>
    public static void Free(CpuState* state) => NativeMemory.AlignedFree((byte*)state - StackBytes);
}
