using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Explain.Html;

/// <summary>The machine that a story is about.</summary>
internal static class MachineHtml
{
    /// <summary>Writes what it is.</summary>
    public static void WriteFacts(MachineFacts machine, SymbolStory? symbols, HtmlWriter writer)
    {
        FactList facts = new(writer);
        facts.Fact(Evidence.Observed, "guest", machine.Guest);
        facts.Fact(Evidence.Observed, "machine", $"{Hex.Size(machine.MemoryBytes)}, CPU model {machine.CpuModel}");
        facts.Fact(Evidence.Observed, "accelerator", machine.Accelerator);
        facts.Fact(machine.MmuEvidence, "MMU", machine.Mmu);
        if (symbols is not null) facts.Fact(symbols.Evidence, "symbols", $"{symbols.Count} of {symbols.File}. {symbols.Note}".TrimEnd(), symbols.Suspect ? "stop" : null);
        facts.Close();
    }

    /// <summary>Writes its memory slots.</summary>
    public static void WriteSlots(MachineFacts machine, HtmlWriter writer)
    {
        HtmlTable table = new(
            writer,
            "Guest-physical addresses that have memory behind them",
            new("slot", "number"),
            new("name", null, IsHead: true),
            new("from", "code"),
            new("to", "code"),
            new("size", "number"),
            new("rights"),
            new("host virtual", "code"));
        foreach (SlotFact slot in machine.Slots)
        {
            table.Row(
                slot.Evidence,
                null,
                $"{slot.Id}",
                slot.Name,
                Hex.Of(slot.Start),
                Hex.Of(slot.Start + slot.Size - 1),
                Hex.Size(slot.Size),
                slot.ReadOnly ? "read-only" : "read, write",
                Hex.Of(slot.HostVirtual));
        }

        table.Close();
    }
}
