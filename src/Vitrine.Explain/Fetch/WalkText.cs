using Vitrine.Explain.Model;
using Vitrine.X86;
using Vitrine.X86.Paging;

namespace Vitrine.Explain.Fetch;

/// <summary>From what a walk has read to what the processor does with each entry.</summary>
internal static class WalkText
{
    /// <summary>The entries with their decisions.</summary>
    public static IReadOnlyList<WalkEntry> Of(
        List<WalkRecorder.Entry> entries, in PagingContext context, in PageWalkResult result, IExplainedMemory memory, ulong linear)
    {
        List<WalkEntry> walk = [];
        bool wide = context.Mode != PagingMode.Bits32;
        int indexBits = wide ? 9 : 10;
        for (int i = 0; i < entries.Count; i++)
        {
            WalkRecorder.Entry entry = entries[i];
            bool last = i == entries.Count - 1;
            bool leaf = last && result.Fault is PageFaultKind.None or PageFaultKind.Protection;
            int shift = 12 + ((entry.Level - 1) * indexBits);
            int index = entry.IsRegister ? entry.RegisterIndex : (int)((linear >> shift) & ((1UL << indexBits) - 1));
            ulong table = entry.IsRegister ? 0 : entry.Address - ((ulong)index * (wide ? 8u : 4u));
            walk.Add(new WalkEntry(
                entry.Level,
                entry.IsRegister ? $"PDPTE{entry.RegisterIndex}" : PageTableEntryText.Name(entry.Level),
                index,
                table,
                entry.Address,
                entry.IsRegister || memory.Find(new Gpa(entry.Address)) is not null,
                entry.Value,
                PageTableEntryText.Bits(entry.Value, entry.Level, wide, leaf, context.HasKeys),
                last ? LastDecision(in context, in result) : Decision(in context, entry, wide)));
        }

        return walk;
    }

    private static string Decision(in PagingContext context, WalkRecorder.Entry entry, bool wide)
    {
        ulong next = wide ? entry.Value & ~0xFFFUL & ((1UL << context.MaxPhyAddr) - 1) : entry.Value & 0xFFFF_F000;
        return $"{PageTableEntryText.TableName(entry.Level - 1)} at 0x{next:x}";
    }

    private static string LastDecision(in PagingContext context, in PageWalkResult result) => result.Fault switch
    {
        PageFaultKind.NotPresent => "not present: the walk ends here",
        PageFaultKind.ReservedBit when result.TableOutsideMemory => "no memory there: all ones, so reserved bits are set",
        PageFaultKind.ReservedBit => $"reserved bits {ReservedBits(in context, in result)} are set",
        PageFaultKind.Protection => $"maps a {PageTableEntryText.PageSize(result.PageShift)} page at 0x{Page(in result):x}, but not for this access",
        _ => $"maps a {PageTableEntryText.PageSize(result.PageShift)} page at 0x{Page(in result):x}",
    };

    private static ulong Page(in PageWalkResult result) => result.Gpa & ~(result.PageSize - 1);

    private static string ReservedBits(in PagingContext context, in PageWalkResult result)
    {
        ulong set = result.Entry & context.ReservedBits(result.Entry, result.Level);
        List<string> names = [];
        for (int bit = 63; bit >= 0; bit--)
        {
            if ((set & (1UL << bit)) != 0) names.Add(bit.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        return string.Join(", ", names);
    }
}
