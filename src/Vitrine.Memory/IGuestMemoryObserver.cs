namespace Vitrine.Memory;

/// <summary>Hears of writes to guest memory that no vCPU makes: what keeps something that it derived from memory has to.</summary>
public interface IGuestMemoryObserver
{
    /// <summary>Bytes of a slot have been written. They are in memory already. Any thread; must not wait for a vCPU.</summary>
    /// <param name="slot">A slot of the memory that is observed. Others may show the same host memory.</param>
    /// <param name="offset">Offset of the first byte in the slot.</param>
    /// <param name="length">Bytes, at least 1; the range lies in the slot.</param>
    void OnWritten(MemorySlot slot, ulong offset, ulong length);
}
