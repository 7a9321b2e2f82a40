using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>The eight segment registers, indexed by <see cref="Seg"/>.</summary>
[InlineArray(Seg.Count)]
internal struct SegmentFile
{
    [SuppressMessage("Style", "IDE0044", Justification = "The element of an inline array can't be readonly.")]
    private SegmentCache _first;

    /// <summary>
    /// Recomputes the bounds of a segment from its limit and access rights. Call after every change of either.
    /// </summary>
    /// <param name="segment">The register.</param>
    /// <param name="mode">
    /// The mode. In real and virtual-8086 mode type checks do not apply: all segments can be read and written. In 64-bit mode
    /// bounds are empty, so that addresses of 32 bits take the slow path, which knows about bases there.
    /// </param>
    public static void Refresh(ref SegmentCache segment, ExecutionMode mode)
    {
        bool realOrVm86 = (mode & ExecutionMode.Protected) == 0 || (mode & ExecutionMode.Virtual8086) != 0;
        uint access = segment.Access;
        bool usable = (mode & ExecutionMode.Code64) == 0 && (access & SegmentRegister.UnusableBit) == 0 && (access & 0x80) != 0;
        bool code = (access & 0x8) != 0;
        bool expandDown = !code && (access & 0x4) != 0;
        ulong end = usable && !expandDown ? (ulong)segment.Limit + 1 : 0;
        bool readable = realOrVm86 || !code || (access & 0x2) != 0;
        bool writable = realOrVm86 || (!code && (access & 0x2) != 0);
        segment.ReadEnd = readable ? end : 0;
        segment.WriteEnd = writable ? end : 0;
    }
}
