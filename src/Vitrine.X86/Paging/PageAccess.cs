using Vitrine.X86.Exceptions;

namespace Vitrine.X86.Paging;

/// <summary>An access to a linear address, for <see cref="PageWalker"/>. The lower bits are those of a page fault's error code.</summary>
[Flags]
public enum PageAccess
{
    /// <summary>A data read by supervisor-mode code (CPL 0 to 2).</summary>
    Read = 0,

    /// <summary>A data write.</summary>
    Write = (int)PageFaultError.WR,

    /// <summary>
    /// A user-mode access: CPL is 3 and the access isn't one that the processor makes for itself (descriptor tables, TSS),
    /// which is a supervisor-mode access at any CPL.
    /// </summary>
    User = (int)PageFaultError.US,

    /// <summary>An instruction fetch.</summary>
    Fetch = (int)PageFaultError.ID,

    /// <summary>
    /// SMAP doesn't hinder this access: RFLAGS.AC is set and the access is explicit. Not for accesses that the processor
    /// makes for itself (SDM vol. 3, 4.6.1: those may never touch user pages under SMAP).
    /// </summary>
    SmapOverride = 1 << 8,

    /// <summary>Accessed and dirty bits are left as they are: for explanation and debugging.</summary>
    LeaveAccessedDirty = 1 << 9,

    /// <summary>Protection keys don't hinder this access: for tools that look whatever the rights.</summary>
    KeyOverride = 1 << 10,
}
