namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// Somebody beside the <see cref="Tlb"/> who keeps translations that <see cref="SoftMmu.TryMapForUser"/> has given: whatever ends one in the TLB ends it there. Called on
/// the vCPU's thread.
/// </summary>
internal unsafe interface ITranslationFollower
{
    /// <summary>The translations of a linear address end, in every address space.</summary>
    void EndPage(ulong linear);

    /// <summary>Writes to a page of guest-physical memory must come by the MMU again.</summary>
    void CloseGuestPage(ulong gpaPage);

    /// <summary>The same for a page by its host address.</summary>
    void CloseHostPage(byte* host);

    /// <summary>Translations to a range of guest-physical addresses end.</summary>
    void EndRange(ulong start, ulong size);

    /// <summary>Another address space is in use, or what the present one had has ended: <see cref="Tlb.Stamp"/> says which.</summary>
    void FollowSpace();
}
