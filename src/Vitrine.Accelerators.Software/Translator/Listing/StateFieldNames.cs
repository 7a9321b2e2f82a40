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

    private static readonly (int Offset, string Name)[] s_fields = Fields();

    private static readonly (int Offset, string Name)[] s_slotFields =
    [
        (PageSlot.Offsets.Page, nameof(PageSlot.Page)),
        (PageSlot.Offsets.ReadLimit, nameof(PageSlot.ReadLimit)),
        (PageSlot.Offsets.WriteLimit, nameof(PageSlot.WriteLimit)),
        (PageSlot.Offsets.Host, nameof(PageSlot.Host)),
        (PageSlot.Offsets.Addend, nameof(PageSlot.Addend)),
        (PageSlot.Offsets.Tag, nameof(PageSlot.Tag)),
        (PageSlot.Offsets.SingleReadLimit, nameof(PageSlot.SingleReadLimit)),
        (PageSlot.Offsets.SingleWriteLimit, nameof(PageSlot.SingleWriteLimit)),
    ];

    /// <summary>
    /// The name for a displacement, such as "PageRip" or "PackedFlags+1"; the number itself where nothing is known of it.
    /// </summary>
    public static string Of(int displacement)
    {
        if (displacement >= StateMemory.Keys && displacement < StateMemory.Keys + (StateMemory.Cells * KeyBytes))
        {
            return string.Create(CultureInfo.InvariantCulture, $"Keys[{(displacement - StateMemory.Keys) / KeyBytes}]");
        }

        int counter = displacement - CpuOffsets.Counters;
        if (counter is >= 0 and <= (int)TranslationCounter.Saved * KeyBytes)
        {
            return string.Create(CultureInfo.InvariantCulture, $"Counters[{(TranslationCounter)(counter / KeyBytes)}]");
        }

        if (SlotField(displacement - CpuOffsets.Slots) is { } slot) return slot;
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
        int offset = displacement % sizeof(PageSlot);
        string field = "?";
        foreach ((int start, string name) in s_slotFields)
        {
            if (start == offset) field = name;
        }

        return string.Create(CultureInfo.InvariantCulture, $"Slots[{displacement / sizeof(PageSlot)}].{field}");
    }

    private static (int Offset, string Name)[] Fields() =>
    [
        (CpuOffsets.Tlb, nameof(CpuOffsets.Tlb)),
        (CpuOffsets.TlbTag, nameof(CpuOffsets.TlbTag)),
        (CpuOffsets.PollAt, nameof(CpuOffsets.PollAt)),
        (CpuOffsets.PageRip, nameof(CpuOffsets.PageRip)),
        (CpuOffsets.BranchMask, nameof(CpuOffsets.BranchMask)),
        (CpuOffsets.MissBudget, nameof(CpuOffsets.MissBudget)),
        (CpuOffsets.SavedRax, nameof(CpuOffsets.SavedRax)),
        (CpuOffsets.CodeKey, nameof(CpuOffsets.CodeKey)),
        (CpuOffsets.GlobalKey, nameof(CpuOffsets.GlobalKey)),
        (CpuOffsets.HeldR10, nameof(CpuOffsets.HeldR10)),
        (CpuOffsets.HeldR11, nameof(CpuOffsets.HeldR11)),
        (CpuOffsets.HeldR15, nameof(CpuOffsets.HeldR15)),
        (CpuOffsets.PackedFlags, nameof(CpuOffsets.PackedFlags)),
        (CpuOffsets.Scratch, nameof(CpuOffsets.Scratch)),
        (CpuOffsets.Scratch2, nameof(CpuOffsets.Scratch2)),
        (CpuOffsets.ExitSite, nameof(CpuOffsets.ExitSite)),
        (CpuOffsets.BranchSite, nameof(CpuOffsets.BranchSite)),
        (CpuOffsets.HostStack, nameof(CpuOffsets.HostStack)),
        (CpuOffsets.EntryPoint, nameof(CpuOffsets.EntryPoint)),
        (CpuOffsets.MissAddress, nameof(CpuOffsets.MissAddress)),
        (CpuOffsets.HostMxcsr, nameof(CpuOffsets.HostMxcsr)),
        (CpuOffsets.ExitReason, nameof(CpuOffsets.ExitReason)),
        (CpuOffsets.Mxcsr, nameof(CpuOffsets.Mxcsr)),
        (CpuOffsets.Rip, nameof(CpuOffsets.Rip)),
        (CpuOffsets.SystemFlags, nameof(CpuOffsets.SystemFlags)),
        (CpuOffsets.KernelGsBase, nameof(CpuOffsets.KernelGsBase)),
        (CpuOffsets.InterruptWaits, nameof(CpuOffsets.InterruptWaits)),
        (CpuOffsets.VectorsLoaded, nameof(CpuOffsets.VectorsLoaded)),
        (CpuOffsets.X87Loaded, nameof(CpuOffsets.X87Loaded)),
        (CpuOffsets.X87Page, nameof(CpuOffsets.X87Page)),
        (CpuOffsets.X87Segment, nameof(CpuOffsets.X87Segment)),
        (CpuOffsets.X87Place, nameof(CpuOffsets.X87Place)),
        (CpuOffsets.Fdp, nameof(CpuOffsets.Fdp)),
        (CpuOffsets.Xmm, nameof(CpuOffsets.Xmm)),
        (CpuOffsets.Segments, nameof(CpuOffsets.Segments)),
        (CpuState.SegmentBaseOffset(Seg.Fs), "FsBase"),
        (CpuState.SegmentBaseOffset(Seg.Gs), "GsBase"),
        (StateMemory.X87Area, "X87Area"),
        (StateMemory.BranchTable, "Branches"),
    ];
}
