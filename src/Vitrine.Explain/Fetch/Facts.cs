using Vitrine.Explain.Model;
using Vitrine.Memory;

namespace Vitrine.Explain.Fetch;

/// <summary>From things of the machine to facts of a story.</summary>
internal static class Facts
{
    /// <summary>A memory slot.</summary>
    public static SlotFact Of(MemorySlot slot) => new(slot.Id, slot.Name, slot.Start.Value, slot.Size, slot.ReadOnly, slot.HostAddress);
}
