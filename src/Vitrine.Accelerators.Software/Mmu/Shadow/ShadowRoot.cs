using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Mmu.Shadow;

/// <summary>A guest root that was loaded lately.</summary>
internal struct ShadowRoot
{
    /// <summary>CR3 without flags and PCID.</summary>
    public ulong Base;

    /// <summary>CR3's bits of linear-address masking: under its tag the TLB finds pointers with metadata.</summary>
    public ulong Masking;

    /// <summary>Its PCID.</summary>
    public uint Pcid;

    /// <summary>Role of its first page; the default value is an unused root.</summary>
    public ShadowRole Role;

    /// <summary>PAE paging: the pointer registers it was loaded with.</summary>
    public PdpteRegisters Pointers;

    /// <summary>Shadow pages: one, or one for each GiB below 4 GiB. 0 while not looked for yet.</summary>
    public PageNumbers Pages;

    /// <summary>The TLB tag it had, as <see cref="Tlb.Stamp"/>; 0 for none.</summary>
    public ulong Stamp;

    /// <summary>Number of changes to the shadow table when the tag was new: while it stands, what the TLB holds under the tag is right.</summary>
    public ulong Changes;

    /// <summary>The architecture has ended its translations since: it must be compared before it is used, whatever CR3's bit 63 says.</summary>
    public bool MustSync;

    /// <summary>When it was last loaded.</summary>
    public ulong LastUse;

    /// <summary>Up to four page numbers.</summary>
    [InlineArray(4)]
    internal struct PageNumbers
    {
        [SuppressMessage("Style", "IDE0044", Justification = "The element of an inline array can't be readonly.")]
        private int _first;
    }
}
