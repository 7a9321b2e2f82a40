using System.Globalization;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Translator.Counting;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Translator.Listing;

/// <summary>Names for what emitted code addresses through RSP: the fields of the state and the tables behind it.</summary>
internal static unsafe class StateFieldNames
{
    private const int KeyBytes = sizeof(ulong);
    private const int LargestField = sizeof(ulong);

    private static readonly (int Offset, string Name)[] s_fields = Fields(StateOffsets.Instance);

    /// <summary>The name for a displacement, such as "PageRip" or "PackedFlags+1"; the number itself where nothing is known of it.</summary>
    public static string Of(int displacement)
    {
        if (displacement >= StateMemory.Keys && displacement < StateMemory.Keys + (StateMemory.Cells * KeyBytes))
        {
            return string.Create(CultureInfo.InvariantCulture, $"Keys[{(displacement - StateMemory.Keys) / KeyBytes}]");
        }

        int counter = displacement - StateOffsets.Instance.Counters;
        if (counter is >= 0 and <= (int)TranslationCounter.Saved * KeyBytes)
        {
            return string.Create(CultureInfo.InvariantCulture, $"Counters[{(TranslationCounter)(counter / KeyBytes)}]");
        }

        if (SlotField(displacement - StateOffsets.Instance.Slots) is { } slot) return slot;
        string best = "";
        int distance = LargestField;
        foreach ((int offset, string name) in s_fields)
        {
            if (displacement < offset || displacement - offset >= distance) continue;
            distance = displacement - offset;
            best = name;
        }

        return best.Length == 0 ? string.Create(CultureInfo.InvariantCulture, $"0x{displacement:x}")
            : distance == 0 ? best
            : string.Create(CultureInfo.InvariantCulture, $"{best}+{distance}");
    }

    private static string? SlotField(int displacement)
    {
        if (displacement < 0 || displacement >= (PageSlots.Own + PageSlots.OwnCount) * sizeof(PageSlot)) return null;
        string field = (displacement % sizeof(PageSlot)) switch
        {
            BlockTranslator.SlotPage => nameof(PageSlot.Page),
            BlockTranslator.SlotReadLimit => nameof(PageSlot.ReadLimit),
            BlockTranslator.SlotWriteLimit => nameof(PageSlot.WriteLimit),
            BlockTranslator.SlotSingleReadLimit => nameof(PageSlot.SingleReadLimit),
            BlockTranslator.SlotSingleWriteLimit => nameof(PageSlot.SingleWriteLimit),
            BlockTranslator.SlotHost => nameof(PageSlot.Host),
            BlockTranslator.SlotTag => nameof(PageSlot.Tag),
            BlockTranslator.SlotAddend => nameof(PageSlot.Addend),
            _ => "?",
        };
        return string.Create(CultureInfo.InvariantCulture, $"Slots[{displacement / sizeof(PageSlot)}].{field}");
    }

    private static (int Offset, string Name)[] Fields(StateOffsets at) =>
    [
        (at.Tlb, nameof(at.Tlb)),
        (at.TlbTag, nameof(at.TlbTag)),
        (at.PollAt, nameof(at.PollAt)),
        (at.PageRip, nameof(at.PageRip)),
        (at.BranchMask, nameof(at.BranchMask)),
        (at.MissBudget, nameof(at.MissBudget)),
        (at.SavedRax, nameof(at.SavedRax)),
        (at.CodeKey, nameof(at.CodeKey)),
        (at.GlobalKey, nameof(at.GlobalKey)),
        (at.HeldR10, nameof(at.HeldR10)),
        (at.HeldR11, nameof(at.HeldR11)),
        (at.HeldR15, nameof(at.HeldR15)),
        (at.PackedFlags, nameof(at.PackedFlags)),
        (at.Scratch, nameof(at.Scratch)),
        (at.Scratch2, nameof(at.Scratch2)),
        (at.ExitSite, nameof(at.ExitSite)),
        (at.BranchSite, nameof(at.BranchSite)),
        (at.HostStack, nameof(at.HostStack)),
        (at.EntryPoint, nameof(at.EntryPoint)),
        (at.MissAddress, nameof(at.MissAddress)),
        (at.HostMxcsr, nameof(at.HostMxcsr)),
        (at.ExitReason, nameof(at.ExitReason)),
        (at.Mxcsr, nameof(at.Mxcsr)),
        (at.Rip, nameof(at.Rip)),
        (at.SystemFlags, nameof(at.SystemFlags)),
        (at.KernelGsBase, nameof(at.KernelGsBase)),
        (at.InterruptWaits, nameof(at.InterruptWaits)),
        (at.VectorsLoaded, nameof(at.VectorsLoaded)),
        (at.X87Loaded, nameof(at.X87Loaded)),
        (at.X87Page, nameof(at.X87Page)),
        (at.X87Segment, nameof(at.X87Segment)),
        (at.X87Place, nameof(at.X87Place)),
        (at.Fdp, nameof(at.Fdp)),
        (at.Xmm, nameof(at.Xmm)),
        (at.Segments, nameof(at.Segments)),
        (at.SegmentBase(Seg.Fs), "FsBase"),
        (at.SegmentBase(Seg.Gs), "GsBase"),
        (StateMemory.X87Area, "X87Area"),
        (StateMemory.BranchTable, "Branches"),
    ];
}
