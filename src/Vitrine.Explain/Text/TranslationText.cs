using Vitrine.Accelerators.Mmu;
using Vitrine.Explain.Fetch;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>A translation as text.</summary>
internal static class TranslationText
{
    private static readonly int[] WalkWidths = [6, 5, 12, 18, 18];
    private static readonly int[] ShadowWidths = [5, 6, 14, 5, 18, 7];
    private static readonly int[] TwoDimensionalWidths = [3, 18, 14, 18];

    /// <summary>Writes the story of an address.</summary>
    public static void Write(TranslationStory story, StoryWriter writer)
    {
        writer.Fact(Evidence.Observed, "linear address", $"{Hex.Of(story.Linear)}, {story.Access}");
        WriteBelowLinear(story, writer, brief: false);
    }

    /// <summary>Writes what follows the linear address.</summary>
    public static void WriteBelowLinear(TranslationStory story, StoryWriter writer, bool brief)
    {
        writer.Fact(Evidence.Observed, "paging", story.PagingMode);
        if (!brief || story.Walk.Count > 0) writer.Fact(Evidence.Observed, "CR3", $"{Hex.Of(story.Cr3)}: {story.Cr3Use}");
        WriteWalk(story.Walk, story.HasWideEntries(), writer);
        bool stopped = story.Gpa is null;
        writer.Fact(Evidence.Derived, stopped ? "stops here" : "walk", story.Outcome, stopped ? TextStyle.Bad : TextStyle.Plain);
        if (story.Gpa is { } gpa) WriteMemory(story, gpa, writer);
        if (story.Kvm is { } kvm) WriteKvm(kvm, writer);
        if (story.Mmu is { } mmu) WriteMmu(mmu, writer);
    }

    private static void WriteWalk(IReadOnlyList<WalkEntry> walk, bool wide, StoryWriter writer)
    {
        if (walk.Count == 0) return;
        writer.Head(WalkWidths, ["entry", "index", "at", "value", "bits", "so"]);
        foreach (WalkEntry entry in walk)
        {
            writer.Row(
                entry.Evidence,
                WalkWidths,
                [
                    entry.Name, $"{entry.Index}", entry.IsRegister() ? "register" : Hex.Of(entry.Address), wide ? Hex.Wide(entry.Value) : $"0x{entry.Value:x8}",
                    string.Join(' ', entry.Bits), entry.Decision,
                ]);
        }
    }

    private static void WriteMemory(TranslationStory story, ulong gpa, StoryWriter writer)
    {
        writer.Fact(Evidence.Derived, "guest-physical", Hex.Of(gpa));
        if (story.Slot is not { } slot)
        {
            writer.Fact(Evidence.Observed, "memory slot", "none: nothing but a device could answer here", TextStyle.Bad);
            return;
        }

        writer.Fact(
            slot.Evidence,
            "memory slot",
            $"{slot.Id}, {slot.Name}: {Hex.Of(slot.Start)} to {Hex.Of(slot.Start + slot.Size - 1)}{(slot.ReadOnly ? ", read-only" : "")}; offset {Hex.Of(gpa - slot.Start)}");
        if (story.Host is not { } host) return;
        writer.Fact(host.Evidence, "host virtual", Hex.Of(host.HostVirtual));
        writer.Fact(
            host.Evidence,
            "host physical",
            host.HostPhysical is { } physical ? $"{Hex.Of(physical)} ({host.PhysicalNote})" : host.PhysicalNote);
    }

    private static void WriteKvm(KvmTranslation kvm, StoryWriter writer) => writer.Fact(
        kvm.Evidence,
        "KVM_TRANSLATE",
        $"{(kvm.Valid ? Hex.Of(kvm.Gpa) : "not mapped")}, {(kvm.Agrees ? "as the walk found" : "which is not what the walk found")}",
        kvm.Agrees ? TextStyle.Plain : TextStyle.Bad);

    private static void WriteMmu(MmuStory mmu, StoryWriter writer)
    {
        writer.Fact(mmu.Evidence, "MMU", mmu.Kind);
        WriteShadow("shadow page table before", mmu.Shadow, mmu.Evidence, writer);
        WriteTwoDimensional("two-dimensional walk before", mmu.TwoDimensional, mmu.Evidence, writer);
        foreach ((string text, int index) in mmu.Events.Select((text, index) => (text, index)))
        {
            writer.Fact(mmu.Evidence, index == 0 ? "what happens" : "", text);
        }

        if (!mmu.ShadowAfter.SequenceEqual(mmu.Shadow)) WriteShadow("shadow page table after", mmu.ShadowAfter, mmu.Evidence, writer);
        if (!mmu.TwoDimensionalAfter.SequenceEqual(mmu.TwoDimensional)) WriteTwoDimensional("two-dimensional walk after", mmu.TwoDimensionalAfter, mmu.Evidence, writer);
        if (mmu.Counters.Count > 0)
        {
            writer.Fact(mmu.Evidence, "counters", string.Join(", ", mmu.Counters.Select(counter => $"{counter.Name} +{counter.By}")));
        }
    }

    private static void WriteShadow(string title, IReadOnlyList<ShadowStep> steps, Evidence evidence, StoryWriter writer)
    {
        if (steps.Count == 0) return;
        writer.Subheading(title);
        writer.Head(ShadowWidths, ["level", "page", "guest table", "index", "entry", "rights", "role"]);
        foreach (ShadowStep step in steps)
        {
            writer.Row(
                evidence,
                ShadowWidths,
                [
                    $"{step.Level}", $"#{step.PageNumber}", Hex.Of(step.GuestTable), $"{step.Index}", step.EntryText(), step.Flags,
                    step.Unsync ? $"{step.Role}, unsync" : step.Role,
                ]);
        }

        writer.Gap();
    }

    private static void WriteTwoDimensional(string title, IReadOnlyList<TwoDimensionalReference> references, Evidence evidence, StoryWriter writer)
    {
        if (references.Count == 0) return;
        writer.Subheading($"{title}: {(references[^1].Present ? $"{references.Count} memory references when nothing is cached" : "it ends at the first entry that is absent")}");
        writer.Head(TwoDimensionalWidths, ["#", "reads", "for address", "value", ""]);
        foreach ((TwoDimensionalReference reference, int index) in references.Select((reference, index) => (reference, index)))
        {
            writer.Row(
                evidence,
                TwoDimensionalWidths,
                [
                    $"{index + 1}",
                    reference.HostLevel == 0 ? $"guest {PageTableEntryText.Name(reference.GuestLevel)}" : $"second level, L{reference.HostLevel}",
                    Hex.Of(reference.Address),
                    reference.Present ? Hex.Wide(reference.Value) : "absent",
                    reference.HostLevel == 0 ? "" : reference.GuestLevel == 0 ? "to the page itself" : $"to the guest's {PageTableEntryText.Name(reference.GuestLevel)}",
                ]);
        }

        writer.Gap();
    }
}
