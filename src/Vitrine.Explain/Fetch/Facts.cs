using Vitrine.Accelerators.Observation;
using Vitrine.Explain.Model;
using Vitrine.Memory;

namespace Vitrine.Explain.Fetch;

/// <summary>From things of the machine to facts of a story.</summary>
internal static class Facts
{
    /// <summary>A memory slot.</summary>
    public static SlotFact Of(MemorySlot slot) => new(slot.Id, slot.Name, slot.Start.Value, slot.Size, slot.ReadOnly, slot.HostAddress);

    /// <summary>A register that changed.</summary>
    public static Model.RegisterChange Of(X86.State.RegisterChange change) =>
        new(change.Name, $"0x{change.Before:x}", $"0x{change.After:x}");

    /// <summary>A put of state.</summary>
    public static PutFact Of(StatePut put) =>
        new(put.Level.ToString(), put.DirtyBefore, put.DirtyAfter, [.. put.Changes.Select(Of)], Evidence.Observed);
}
