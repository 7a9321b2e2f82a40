namespace Vitrine.Memory;

/// <summary>
/// Hears of changes of slots, and of writes to guest memory that no vCPU makes: what keeps something that it derived from memory has to.
/// </summary>
public interface IGuestMemoryObserver
{
    /// <summary>
    /// Slots have changed, all at once where the observer can. It returns when nothing uses those that are gone any more; their host memory may be given back
    /// then. Any thread, also that of a vCPU which handles an exit; the caller may hold locks that a vCPU takes while it handles one.
    /// </summary>
    /// <param name="removed">Slots that are gone.</param>
    /// <param name="added">Slots that are new.</param>
    void OnSlotsChanged(IReadOnlyList<MemorySlot> removed, IReadOnlyList<MemorySlot> added);

    /// <summary>Bytes of a slot have been written. They are in memory already. Any thread; must not wait for a vCPU.</summary>
    /// <param name="slot">A slot of the memory that is observed. Others may show the same host memory.</param>
    /// <param name="offset">Offset of the first byte in the slot.</param>
    /// <param name="length">Bytes, at least 1; the range lies in the slot.</param>
    void OnWritten(MemorySlot slot, ulong offset, ulong length);
}
