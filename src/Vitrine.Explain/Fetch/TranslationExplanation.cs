using Vitrine.Explain.Model;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Paging;
using Vitrine.X86.State;

namespace Vitrine.Explain.Fetch;

/// <summary>From a linear address to host memory: the guest's walk, the slot, the host's address. Changes nothing.</summary>
internal static class TranslationExplanation
{
    /// <summary>Explains one address.</summary>
    /// <param name="state">The registers.</param>
    /// <param name="memory">Guest memory.</param>
    /// <param name="processor">What CPUID says of addresses.</param>
    /// <param name="linear">The linear address.</param>
    /// <param name="access">Who wants to do what.</param>
    public static TranslationStory Of(ProcessorState state, IExplainedMemory memory, ProcessorLimits processor, ulong linear, PageAccess access)
    {
        PagingContext context = PagingContext.From(state, processor.PhysicalAddressBits, processor.GigabytePages);
        TranslationStory story = new()
        {
            Linear = linear,
            Access = AccessText(access),
            PagingMode = ModeText(context.Mode),
            Cr3 = state.Cr3,
            Cr3Use = Cr3Text(in context, memory),
            Walk = [],
            Outcome = "",
        };
        ulong pointer = linear;
        if ((access & PageAccess.Fetch) == 0) linear = context.WithoutMetadata(pointer);
        if (!IsCanonical(linear, context.Mode))
        {
            int bits = context.Mode == PagingMode.FourLevel ? 48 : 57;
            return story with { Outcome = $"The address is not canonical (bits 63:{bits - 1} differ): #GP(0), and no table is looked at." };
        }

        List<WalkRecorder.Entry> entries = [];
        WalkRecorder recorder = new(entries);
        GuestTables tables = new(memory);
        bool mapped = PageWalker.Walk(
            in context, ref tables, ref recorder, linear, access | PageAccess.LeaveAccessedDirty, out PageWalkResult result);
        story = story with { Walk = WalkText.Of(entries, in context, in result, memory, linear) };
        if (!mapped)
        {
            return story with { Outcome = FaultText(in context, in result, access), PageFaultErrorCode = result.ErrorCode };
        }

        if (linear != pointer) story = story with { Access = $"{story.Access}; linear-address masking makes 0x{linear:x} of it" };
        return Locate(story, in context, in result, memory);
    }

    private static TranslationStory Locate(TranslationStory story, in PagingContext context, in PageWalkResult result, IExplainedMemory memory)
    {
        bool paging = context.Mode != PagingMode.None;
        MemorySlot? slot = memory.Find(new Gpa(result.Gpa));
        return story with
        {
            Gpa = result.Gpa,
            PageSize = paging ? result.PageSize : null,
            Outcome = paging
                ? $"Allowed: a {PageTableEntryText.PageSize(result.PageShift)} page, {PageTableEntryText.Rights(result.Rights, context.HasKeys)}."
                : "Paging is off: the guest-physical address is the linear address.",
            Slot = slot is null ? null : Facts.Of(slot),
            Host = slot is null ? null : HostPhysicalAddress.Find(slot.HostAddress + (result.Gpa - slot.Start.Value)),
        };
    }

    private static string FaultText(in PagingContext context, in PageWalkResult result, PageAccess access)
    {
        string cause = result.Fault switch
        {
            PageFaultKind.NotPresent => $"the {PageTableEntryText.Name(result.Level)} is not present",
            PageFaultKind.ReservedBit when result.TableOutsideMemory =>
                $"the {PageTableEntryText.Name(result.Level)} lies where there is no memory, reads as all ones, and so has reserved bits set",
            PageFaultKind.ReservedBit => $"the {PageTableEntryText.Name(result.Level)} has a reserved bit set",
            _ => PageFaultText.Protection(in context, result.Rights, access),
        };
        return $"#PF: {cause}. Error code {PageFaultText.ErrorCode(result.ErrorCode, (access & PageAccess.Fetch) != 0)}.";
    }

    /// <summary>True when an address may be used at all; outside 64-bit paging every one may.</summary>
    internal static bool IsCanonical(ulong linear, PagingMode mode)
    {
        if (mode is not (PagingMode.FourLevel or PagingMode.FiveLevel)) return true;
        int unused = mode == PagingMode.FourLevel ? 16 : 7;
        return (ulong)((long)(linear << unused) >> unused) == linear;
    }

    private static string AccessText(PageAccess access) =>
        ((access & PageAccess.Fetch) != 0 ? "fetch" : (access & PageAccess.Write) != 0 ? "write" : "read") +
        ((access & PageAccess.User) != 0 ? ", user mode" : ", supervisor mode");

    private static string ModeText(PagingMode mode) => mode switch
    {
        PagingMode.None => "off (CR0.PG is 0)",
        PagingMode.Bits32 => "32-bit paging",
        PagingMode.Pae => "PAE paging",
        PagingMode.FourLevel => "4-level paging",
        _ => "5-level paging",
    };

    private static string Cr3Text(in PagingContext context, IExplainedMemory memory)
    {
        if (context.Mode == PagingMode.None) return "not used: with paging off no table is looked at, whatever CR3 holds.";
        ulong table = context.Mode switch
        {
            PagingMode.Bits32 => context.Cr3 & 0xFFFF_F000,
            PagingMode.Pae => context.Cr3 & 0xFFFF_FFE0,
            _ => context.Cr3 & ~0xFFFUL & ((1UL << context.MaxPhyAddr) - 1),
        };
        string what = context.Mode switch
        {
            PagingMode.Bits32 => "page directory",
            PagingMode.Pae => "page-directory-pointer table; its four entries were loaded into registers when CR3 was",
            PagingMode.FourLevel => "PML4",
            _ => "PML5",
        };
        string where = memory.Find(new Gpa(table)) is { } slot ? $"slot {slot.Id}, {slot.Name}" : "no memory slot holds it";
        return $"guest-physical address 0x{table:x} of the {what} ({where}).";
    }
}
