using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>
/// One entry of the software TLB. A tag is the page of the pointer, metadata of linear-address masking included, with the address space's
/// generation in its low 12 bits (<see cref="CpuState.TlbTag"/>), or 0 when that kind of access must take the slow path.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TlbEntry
{
    /// <summary>Matches when reading is allowed and plain memory lies behind the page.</summary>
    public ulong ReadTag;

    /// <summary>Matches when writing is allowed, the dirty bit is set and nobody needs to know about the write.</summary>
    public ulong WriteTag;

    /// <summary>Host address minus linear address.</summary>
    public ulong Addend;

    /// <summary>
    /// Guest-physical page address; bit 0: the translation allows writing and the dirty bit is set (also where <see cref="WriteTag"/> is 0
    /// because the page holds decoded code); bits 4:1: the protection key.
    /// </summary>
    public ulong Page;

    /// <summary>Bit 0 of <see cref="Page"/>.</summary>
    public const ulong Writable = 1;

    /// <summary>Position of the key in <see cref="Page"/>.</summary>
    public const int KeyShift = 1;

    /// <summary>The protection key, 0 to 15.</summary>
    public readonly int Key => (int)(Page >> KeyShift) & 0xF;

    /// <summary>Binary logarithm of the structure's size in bytes.</summary>
    public const int SizeShift = 5;

    /// <summary>
    /// Where the fields lie, in bytes from the start, for emitted code. Each has its field's name, by which a test finds it.
    /// </summary>
    public static class Offsets
    {
        /// <summary>Offset of <see cref="TlbEntry.ReadTag"/>.</summary>
        public const int ReadTag = 0;

        /// <summary>Offset of <see cref="TlbEntry.WriteTag"/>.</summary>
        public const int WriteTag = 8;

        /// <summary>Offset of <see cref="TlbEntry.Addend"/>.</summary>
        public const int Addend = 16;
    }
}
