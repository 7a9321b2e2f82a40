using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>
/// A page that translated code has found in the TLB. An access is in it when its distance from <see cref="Page"/> is below the limit, which
/// leaves room for the access behind the address: <see cref="PageSlots.Window"/> bytes, or for the single limits
/// <see cref="PageSlots.Single"/>.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct PageSlot
{
    /// <summary>Linear address of the page.</summary>
    public ulong Page;

    /// <summary>What the distance of a read must be below: 0 when the slot is empty.</summary>
    public ulong ReadLimit;

    /// <summary>The same for a write: 0 also when the page may only be read.</summary>
    public ulong WriteLimit;

    /// <summary>Host address of the page.</summary>
    public ulong Host;

    /// <summary><see cref="Host"/> minus <see cref="Page"/>.</summary>
    public ulong Addend;

    /// <summary>The tag of the TLB's entry that it was filled from last.</summary>
    public ulong Tag;

    /// <summary>As <see cref="ReadLimit"/>, for an access that is checked alone.</summary>
    public ulong SingleReadLimit;

    /// <summary>As <see cref="WriteLimit"/>, for an access that is checked alone.</summary>
    public ulong SingleWriteLimit;

    /// <summary>Binary logarithm of the structure's size in bytes.</summary>
    public const int SizeShift = 6;

    /// <summary>
    /// Where the fields lie, in bytes from the start, for emitted code. Each has its field's name, by which a test finds it.
    /// </summary>
    public static class Offsets
    {
        /// <summary>Offset of <see cref="PageSlot.Page"/>.</summary>
        public const int Page = 0;

        /// <summary>Offset of <see cref="PageSlot.ReadLimit"/>.</summary>
        public const int ReadLimit = 8;

        /// <summary>Offset of <see cref="PageSlot.WriteLimit"/>.</summary>
        public const int WriteLimit = 16;

        /// <summary>Offset of <see cref="PageSlot.Host"/>.</summary>
        public const int Host = 24;

        /// <summary>Offset of <see cref="PageSlot.Addend"/>.</summary>
        public const int Addend = 32;

        /// <summary>Offset of <see cref="PageSlot.Tag"/>.</summary>
        public const int Tag = 40;

        /// <summary>Offset of <see cref="PageSlot.SingleReadLimit"/>.</summary>
        public const int SingleReadLimit = 48;

        /// <summary>Offset of <see cref="PageSlot.SingleWriteLimit"/>.</summary>
        public const int SingleWriteLimit = 56;
    }
}
