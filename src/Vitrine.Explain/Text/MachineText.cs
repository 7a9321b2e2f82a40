using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>The machine that a story is about.</summary>
internal static class MachineText
{
    private static readonly int[] SlotWidths = [3, 14, 12, 12, 10, 2];

    /// <summary>Writes it.</summary>
    public static void Write(MachineFacts machine, SymbolStory? symbols, StoryWriter writer)
    {
        writer.Heading("How this machine comes to its first instruction");
        writer.Fact(Evidence.Observed, "guest", machine.Guest);
        writer.Fact(Evidence.Observed, "machine", $"{Hex.Size(machine.MemoryBytes)}, CPU model {machine.CpuModel}");
        writer.Fact(Evidence.Observed, "accelerator", machine.Accelerator);
        writer.Fact(machine.MmuEvidence, "MMU", machine.Mmu);
        if (symbols is not null) WriteSymbols(symbols, writer);
        writer.Gap();
        writer.Prose("● observed in this run    ○ derived by the architecture's rules: user space can't read it");
        writer.Subheading("Memory slots: guest-physical addresses that have memory behind them");
        writer.Head(SlotWidths, ["", "name", "from", "to", "size", "rights, host virtual"]);
        foreach (SlotFact slot in machine.Slots)
        {
            writer.Row(
                slot.Evidence,
                SlotWidths,
                [
                    $"{slot.Id}", slot.Name, Hex.Of(slot.Start), Hex.Of(slot.Start + slot.Size - 1), Hex.Size(slot.Size),
                    $"{(slot.ReadOnly ? "read-only" : "read, write")}, {Hex.Of(slot.HostVirtual)}",
                ]);
        }
    }

    /// <summary>Writes where names are from.</summary>
    public static void WriteSymbols(SymbolStory symbols, StoryWriter writer) => writer.Fact(
        symbols.Evidence, "symbols", $"{symbols.Count} of {symbols.File}. {symbols.Note}".TrimEnd(), symbols.Suspect ? TextStyle.Accent : TextStyle.Plain);
}
