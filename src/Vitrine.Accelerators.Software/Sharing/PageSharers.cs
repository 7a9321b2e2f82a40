using Vitrine.Memory;

namespace Vitrine.Accelerators.Software.Sharing;

/// <summary>
/// The words of a <see cref="CodeDirectory"/>: which vCPUs have decoded code of a page, may write to it without telling, and were asked to stop that. A set of vCPUs is a
/// number with a bit for each. Any thread; words are changed with interlocked operations.
/// </summary>
internal abstract unsafe class PageSharers : IDisposable
{
    // SAFETY: host addresses are those of slots, and only name pages here.

    /// <summary>How many writes may come to a page that nothing is decoded from before its decoders are forgotten.</summary>
    protected const int PatienceWithWrites = 64;

    /// <summary>Words for a number of vCPUs: the smallest that do.</summary>
    public static PageSharers For(int vcpus) => vcpus <= NarrowPageSharers.Limit ? new NarrowPageSharers() : new WidePageSharers();

    /// <summary>Covers the host memory of a slot.</summary>
    public abstract void AddMemory(MemorySlot slot);

    /// <summary>Makes a vCPU a writer.</summary>
    /// <returns>False when there are decoders.</returns>
    public abstract bool TryOpen(byte* host, int vcpu);

    /// <summary>The decoders.</summary>
    public abstract ulong Decoders(byte* host);

    /// <summary>A vCPU is no writer any more, and need not be asked.</summary>
    public abstract void Close(byte* host, int vcpu);

    /// <summary>Makes a vCPU a decoder, after which nobody becomes a writer. Writes in vain are counted anew.</summary>
    /// <returns>The writers.</returns>
    public abstract ulong Join(byte* host, int vcpu);

    /// <summary>Notes that a writer is asked to close the page.</summary>
    /// <returns>False when it has been already.</returns>
    public abstract bool TryAsk(byte* host, int vcpu);

    /// <summary>Takes decoders away.</summary>
    /// <param name="host">An address in the page.</param>
    /// <param name="vcpus">Which.</param>
    /// <returns>Those that there were.</returns>
    public abstract ulong Remove(byte* host, ulong vcpus);

    /// <summary>Counts a write to a page whose decoders have decoded nothing, and forgets them when there were too many.</summary>
    public abstract void NoteWriteInVain(byte* host);

    /// <inheritdoc/>
    public abstract void Dispose();
}
