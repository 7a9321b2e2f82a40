using Vitrine.Explain.Html.Drawing;
using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Explain.Html;

/// <summary>A translation in words and tables.</summary>
internal static class TranslationHtml
{
    /// <summary>Writes the story of an address, with its drawing.</summary>
    public static void Write(TranslationStory story, HtmlWriter writer)
    {
        const string Id = "t";
        TranslationDrawing.Write(story, null, Id, writer);
        FactList facts = new(writer);
        facts.Fact(Evidence.Observed, "linear address", $"{Hex.Of(story.Linear)}, {story.Access}");
        facts.Close();
        WriteBelowLinear(story, Id, writer);
    }

    /// <summary>Writes what follows the linear address.</summary>
    public static void WriteBelowLinear(TranslationStory story, string id, HtmlWriter writer)
    {
        FactList facts = new(writer);
        facts.Fact(Evidence.Observed, "paging", story.PagingMode);
        facts.Fact(Evidence.Observed, "CR3", $"{Hex.Of(story.Cr3)}: {story.Cr3Use}");
        facts.Close();
        WriteWalk(story, writer);
        facts = new(writer);
        bool stopped = story.Gpa is null;
        facts.Fact(Evidence.Derived, stopped ? "stops here" : "walk", story.Outcome, stopped ? "stop" : null);
        if (story.Gpa is { } gpa) WriteMemory(story, gpa, facts);
        if (story.Kvm is { } kvm)
        {
            string answer = kvm.Valid ? Hex.Of(kvm.Gpa) : "not mapped";
            facts.Fact(
                kvm.Evidence,
                "KVM_TRANSLATE",
                $"{answer}, {(kvm.Agrees ? "as the walk found" : "which is not what the walk found")}",
                kvm.Agrees ? null : "stop");
        }

        facts.Close();
        if (story.Mmu is { } mmu) MmuHtml.Write(mmu, id, writer);
    }

    private static void WriteWalk(TranslationStory story, HtmlWriter writer)
    {
        if (story.Walk.Count == 0) return;
        HtmlTable table = new(
            writer,
            "The guest's page walk",
            new("entry", null, IsHead: true),
            new("index", "number"),
            new("at", "code"),
            new("value", "code"),
            new("bits set", "code"),
            new("so"));
        for (int i = 0; i < story.Walk.Count; i++)
        {
            WalkEntry entry = story.Walk[i];
            bool stops = story.Gpa is null && i == story.Walk.Count - 1;
            table.Row(
                entry.Evidence,
                stops ? "stop" : null,
                entry.Name,
                $"{entry.Index}",
                entry.IsRegister() ? "register" : Hex.Of(entry.Address),
                story.HasWideEntries() ? Hex.Wide(entry.Value) : $"0x{entry.Value:x8}",
                string.Join(' ', entry.Bits),
                entry.Decision);
        }

        table.Close();
    }

    private static void WriteMemory(TranslationStory story, ulong gpa, FactList facts)
    {
        facts.Fact(Evidence.Derived, "guest-physical", Hex.Of(gpa));
        if (story.Slot is not { } slot)
        {
            facts.Fact(Evidence.Observed, "memory slot", "none: nothing but a device could answer here", "stop");
            return;
        }

        facts.Fact(
            slot.Evidence,
            "memory slot",
            $"{slot.Id}, {slot.Name}: {Hex.Of(slot.Start)} to {Hex.Of(slot.Start + slot.Size - 1)}{(slot.ReadOnly ? ", read-only" : "")}; offset {Hex.Of(gpa - slot.Start)}");
        if (story.Host is not { } host) return;
        facts.Fact(host.Evidence, "host virtual", Hex.Of(host.HostVirtual));
        facts.Fact(
            host.Evidence,
            "host physical",
            host.HostPhysical is { } physical ? $"{Hex.Of(physical)} ({host.PhysicalNote})" : host.PhysicalNote);
    }
}
