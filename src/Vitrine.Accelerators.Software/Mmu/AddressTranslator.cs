using Vitrine.Accelerators.Mmu;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// What stands behind a miss of the <see cref="Tlb"/>. It also decides which TLB tag an address space runs under, because it knows
/// what has changed since that space last ran.
/// </summary>
internal abstract class AddressTranslator : IDisposable
{
    /// <summary>Which one it is.</summary>
    public abstract MmuMode Mode { get; }

    /// <summary>Its own counters; those of the TLB and of guest faults are added by <see cref="SoftMmu"/>.</summary>
    public abstract MmuCounters Counters { get; }

    /// <summary>Tables in use, see <see cref="IMmuInspection.PagesInUse"/>.</summary>
    public abstract int PagesInUse { get; }

    /// <summary>Translates for an access, setting accessed and dirty bits as a walk does.</summary>
    /// <param name="context">The paging registers.</param>
    /// <param name="linear">A canonical linear address.</param>
    /// <param name="access">Who wants to do what.</param>
    /// <param name="translation">The translation, or the error code of the page fault.</param>
    /// <returns>False when the guest must get a page fault.</returns>
    public abstract bool Translate(in PagingContext context, ulong linear, PageAccess access, out Translation translation);

    /// <summary>Looks for a translation that is at hand, without a walk.</summary>
    /// <param name="context">The paging registers.</param>
    /// <param name="linear">A canonical linear address.</param>
    /// <param name="translation">The translation, of a page that has been accessed; what its rights allow is for the caller to look at.</param>
    /// <returns>False when there is none.</returns>
    public virtual bool TryPeek(in PagingContext context, ulong linear, out Translation translation)
    {
        translation = default;
        return false;
    }

    /// <summary>CR3 was loaded (SDM vol. 3, 4.10.4.1). Chooses the TLB tag.</summary>
    /// <param name="context">The paging registers, with the new CR3.</param>
    /// <param name="pcid">The process-context identifier; 0 without CR4.PCIDE.</param>
    /// <param name="pcidsEnabled">CR4.PCIDE.</param>
    /// <param name="keep">The translations of this PCID may stay (bit 63 of the operand).</param>
    public abstract void LoadRoot(in PagingContext context, uint pcid, bool pcidsEnabled, bool keep);

    /// <summary>All translations of all address spaces end, global ones too; or the paging mode has changed.</summary>
    public abstract void FlushAll(in PagingContext context, uint pcid);

    /// <summary>The translations of a linear address end, in every address space.</summary>
    public abstract void InvalidatePage(in PagingContext context, ulong linear);

    /// <summary>The translations of a PCID end that is not the present one.</summary>
    public abstract void InvalidatePcid(uint pcid);

    /// <summary>Memory, slots or the processor may have changed in any way: nothing that was derived from them may stay.</summary>
    public abstract void Reset();

    /// <summary>
    /// Other slots are in use from now on; what leads to memory of those that stay may stay. The TLB is not its concern. Between blocks.
    /// </summary>
    /// <param name="removed">Slots that are gone, or have other rights now.</param>
    /// <param name="added">Slots that are new, or have other rights now.</param>
    public abstract void FollowSlots(IReadOnlyList<SlotView> removed, IReadOnlyList<SlotView> added);

    /// <summary>Writes to the page of an address must come to <see cref="OnWrite"/>.</summary>
    public virtual bool IsTracked(ulong gpa) => false;

    /// <summary>The guest has written to memory by a slow path.</summary>
    /// <param name="gpa">Guest-physical address of the first byte.</param>
    /// <param name="size">Bytes; the range lies within one page.</param>
    public virtual void OnWrite(ulong gpa, int size)
    {
    }

    /// <summary>See <see cref="IMmuInspection.InspectShadow"/>.</summary>
    public virtual IReadOnlyList<ShadowStep> InspectShadow(in PagingContext context, ulong linear) => [];

    /// <summary>See <see cref="IMmuInspection.InspectTwoDimensional"/>.</summary>
    public virtual IReadOnlyList<TwoDimensionalReference> InspectTwoDimensional(in PagingContext context, ulong linear) => [];

    /// <inheritdoc/>
    public abstract void Dispose();
}
