using Vitrine.Memory;

namespace Vitrine.Accelerators.Software.Sharing;

/// <summary>
/// What the only vCPU of a machine has ever derived from each page of host memory, so that a write by somebody else need only be told to it when it may matter.
/// With several, <see cref="CodeDirectory"/> knows more.
/// </summary>
/// <remarks>
/// The vCPU notes a use, then reads the page; a writer writes, then looks for uses; a full barrier is between the two on both sides. So either the writer finds
/// the use, or the vCPU has read what was written.
/// </remarks>
internal sealed unsafe class PageUses : IDisposable
{
    // SAFETY: host addresses are those of slots, and only name pages here.
    private readonly HostPageWords _words = new();

    /// <summary>Covers the host memory of a slot. Before the vCPU sees the slot.</summary>
    public void AddMemory(MemorySlot slot) => _words.AddMemory(slot);

    /// <summary>The vCPU is about to derive something from a page. On its thread.</summary>
    /// <returns>True when it never had: what it has read of the page before may be too old to be kept.</returns>
    public bool Note(byte* host, PageUse use)
    {
        ref uint word = ref _words[host];
        if ((word & (uint)use) != 0) return false;
        Interlocked.Or(ref word, (uint)use);
        return true;
    }

    /// <summary>What may be derived from a page. After a full barrier. Any thread.</summary>
    public PageUse Of(byte* host) => (PageUse)Volatile.Read(ref _words[host]);

    /// <inheritdoc/>
    public void Dispose() => _words.Dispose();
}
