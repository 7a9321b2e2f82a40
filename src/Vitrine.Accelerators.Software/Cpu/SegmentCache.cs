using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>A segment register as the software CPU holds it: the hidden part, and what accesses are checked against.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SegmentCache
{
    /// <summary>Base address. First field: operations add it by offset.</summary>
    public ulong Base;

    /// <summary>
    /// Exclusive end of what may be read: an access of n bytes at offset o passes when o + n &lt;= ReadEnd. Zero when
    /// reading is not allowed or the segment expands down; the slow path then decides. See <see cref="SegmentFile.Refresh"/>.
    /// </summary>
    public ulong ReadEnd;

    /// <summary>As <see cref="ReadEnd"/>, for writes.</summary>
    public ulong WriteEnd;

    /// <summary>Limit in bytes, granularity applied.</summary>
    public uint Limit;

    /// <summary>Access rights in the VMX layout, see <see cref="X86.State.SegmentRegister"/>.</summary>
    public uint Access;

    /// <summary>The visible selector; 16 bits.</summary>
    public uint Selector;

    private readonly uint _reserved;

    /// <summary>
    /// Where the fields lie, in bytes from the start, for emitted code. Each has its field's name, by which a test finds it.
    /// </summary>
    public static class Offsets
    {
        /// <summary>Offset of <see cref="SegmentCache.Selector"/>.</summary>
        public const int Selector = 32;
    }
}
