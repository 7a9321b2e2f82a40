using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>
/// Where a vCPU's <see cref="CpuState"/> lies: translated code has its address in RSP, so a stack for signal handlers is below it; behind
/// it are the tables that translated code addresses from there.
/// </summary>
internal static unsafe partial class StateMemory
{
    // SAFETY: one allocation holds all parts at the offsets that are computed here.

    /// <summary>The fewest entries of a branch table: all are written before the first is used.</summary>
    public const int FewestBranches = 1 << 14;

    /// <summary>The most: with them, programs of 4 MiB of code don't dispute any.</summary>
    public const int MostBranches = 1 << 22;

    /// <summary>Keys that entries of translations compare with: one for each page of code, and for each instruction on two pages.</summary>
    public const int Cells = 1 << 20;

    // A signal's frame with the AVX-512 and AMX state is below 12 KiB, and handlers need some room too.
    private const int StackBytes = 128 << 10;

    // The legacy region of an XSAVE area and its header (SDM vol. 1, 13.4).
    private const int X87AreaBytes = 576;

    private const int PageSize = 4096;

    /// <summary>Where an XSAVE area for the x87 registers lies behind the state, aligned to 64 bytes.</summary>
    public static int X87Area => (sizeof(CpuState) + 63) & ~63;

    /// <summary>Where the keys lie behind the state.</summary>
    public static int Keys => X87Area + X87AreaBytes;

    /// <summary>Where the branch table lies behind the state, in pages of its own: host addresses.</summary>
    public static int BranchTable => (Keys + (Cells * sizeof(ulong)) + PageSize - 1) & ~(PageSize - 1);

    /// <summary>Allocates a state, all zero. The host commits of the tables what is touched.</summary>
    /// <param name="branches">Room for so many entries of the branch table; 0 without a translator, which alone needs the tables.</param>
    public static CpuState* Allocate(int branches)
    {
        nuint bytes = (nuint)StackBytes + (branches == 0 ? (nuint)Keys : (nuint)BranchTable + ((nuint)branches * sizeof(ulong)));
        byte* memory = (byte*)NativeMemory.AllocZeroed(bytes + (2 * PageSize));
        byte* start = (byte*)(((ulong)memory + (2 * PageSize) - 1) & ~(PageSize - 1UL));
        Allocation((CpuState*)(start + StackBytes)) = memory;
        return (CpuState*)(start + StackBytes);
    }

    /// <summary>Frees a state.</summary>
    public static void Free(CpuState* state) => NativeMemory.Free(Allocation(state));

    /// <summary>Gives memory back to the host. It is zero when it is touched again. Linux only.</summary>
    /// <param name="start">Its first byte, at the start of a page.</param>
    /// <param name="bytes">Its length, whole pages.</param>
    public static void Discard(void* start, nuint bytes)
    {
        const int MADV_DONTNEED = 4;
        _ = Madvise(start, bytes, MADV_DONTNEED);
    }

    // In the page in front of the stack.
    private static ref byte* Allocation(CpuState* state) => ref *(byte**)((byte*)state - StackBytes - sizeof(byte*));

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Madvise(void* address, nuint length, int advice);
}
