using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>
/// The bus accesses that the present instruction has made so far. An instruction that needs the bus leaves as if it had
/// faulted, user space does the access, and the instruction runs again from its start: accesses in the log are then
/// answered from it. So no instruction is ever half done, however many accesses it makes.
/// </summary>
internal struct ReplayLog
{
    /// <summary>
    /// More than the accesses that one instruction can make between two commits: XRSTOR of x87, SSE and AVX reads 832 bytes
    /// in parts of 8, and probing, splitting at a page and unaligned ends add a few.
    /// </summary>
    public const int Capacity = 128;

    /// <summary>Which instruction the log belongs to: its ordinal among all executed.</summary>
    public ulong Instruction;

    /// <summary>How many accesses are finished.</summary>
    public int Count;

    /// <summary>How many of them the running attempt has used.</summary>
    public int Cursor;

    /// <summary>Data read, in order; writes hold nothing.</summary>
    public Buffer Data;

    /// <summary>Storage of <see cref="Data"/>.</summary>
    [InlineArray(Capacity)]
    internal struct Buffer
    {
        [SuppressMessage("Style", "IDE0044", Justification = "The element of an inline array can't be readonly.")]
        private ulong _first;
    }
}
