using Vitrine.X86.Descriptors;

namespace Vitrine.Tests.Differential;

/// <summary>A segment for user code.</summary>
/// <param name="Base">Linear address of its start.</param>
/// <param name="Limit">Its last byte; of one that expands down, the last that is not part of it.</param>
/// <param name="Kind">0 data, 1 data that expands down, 2 code.</param>
/// <param name="IsReadOnly">Data that can't be written, code that can't be read.</param>
/// <param name="IsBig">32-bit code, or a 32-bit stack.</param>
/// <param name="IsPresent">Loading it is not #NP.</param>
internal sealed record LocalSegment(ulong Base, uint Limit, byte Kind, bool IsReadOnly, bool IsBig, bool IsPresent = true)
{
    /// <summary>As the processor reads it: accessed, privilege level 3.</summary>
    public SegmentDescriptor Descriptor
    {
        get
        {
            ulong type = 1UL | (IsReadOnly ? 0UL : 2) | ((ulong)Kind << 2);
            ulong access = type | 0x70 | (IsPresent ? 0x80UL : 0) | (IsBig ? 0x4000UL : 0);
            return new SegmentDescriptor((Limit & 0xFFFF) | ((Base & 0xFF_FFFF) << 16) | (access << 40) | ((ulong)(Limit >> 16) << 48) | (Base >> 24 << 56));
        }
    }
}
