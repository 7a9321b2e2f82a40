using Vitrine.Memory;

namespace Vitrine.Accelerators.Software.Sharing;

/// <summary>
/// For up to 64 vCPUs: four words for a page. A writer says so before it looks for decoders, and a decoder says so before it looks for writers, each by an operation that is
/// a full barrier: so one of two at least sees the other. A writer that finds a decoder takes itself back; meanwhile it may have been asked to close, which does no harm.
/// </summary>
internal sealed unsafe class WidePageSharers : PageSharers
{
    // SAFETY: as for the base; a page has as many words as are addressed here.
    private const int Words = 8;
    private const int DecodersWord = 0;
    private const int WritersWord = 1;
    private const int AskedWord = 2;
    private const int WritesWord = 3;

    private readonly HostPageWords _words = new(Words);

    /// <inheritdoc/>
    public override void AddMemory(MemorySlot slot) => _words.AddMemory(slot);

    /// <inheritdoc/>
    public override bool TryOpen(byte* host, int vcpu)
    {
        ulong* page = PageOf(host);
        if (Volatile.Read(ref page[DecodersWord]) != 0) return false;
        if ((Volatile.Read(ref page[WritersWord]) & Bit(vcpu)) != 0) return true;
        Interlocked.Or(ref page[WritersWord], Bit(vcpu));
        if (Volatile.Read(ref page[DecodersWord]) == 0) return true;
        Interlocked.And(ref page[WritersWord], ~Bit(vcpu));
        return false;
    }

    /// <inheritdoc/>
    public override ulong Decoders(byte* host) => Volatile.Read(ref PageOf(host)[DecodersWord]);

    /// <inheritdoc/>
    public override void Close(byte* host, int vcpu)
    {
        ulong* page = PageOf(host);
        Interlocked.And(ref page[WritersWord], ~Bit(vcpu));
        Interlocked.And(ref page[AskedWord], ~Bit(vcpu));
    }

    /// <inheritdoc/>
    public override ulong Join(byte* host, int vcpu)
    {
        ulong* page = PageOf(host);
        Volatile.Write(ref page[WritesWord], 0);
        Interlocked.Or(ref page[DecodersWord], Bit(vcpu));
        return Volatile.Read(ref page[WritersWord]);
    }

    /// <inheritdoc/>
    public override bool TryAsk(byte* host, int vcpu) => (Interlocked.Or(ref PageOf(host)[AskedWord], Bit(vcpu)) & Bit(vcpu)) == 0;

    /// <inheritdoc/>
    public override ulong Remove(byte* host, ulong vcpus) => Interlocked.And(ref PageOf(host)[DecodersWord], ~vcpus);

    /// <inheritdoc/>
    public override void NoteWriteInVain(byte* host)
    {
        ulong* page = PageOf(host);
        if (Interlocked.Increment(ref page[WritesWord]) < PatienceWithWrites) return;
        Volatile.Write(ref page[WritesWord], 0);
        Interlocked.Exchange(ref page[DecodersWord], 0);
    }

    /// <inheritdoc/>
    public override void Dispose() => _words.Dispose();

    private static ulong Bit(int vcpu) => 1UL << vcpu;

    private ulong* PageOf(byte* host)
    {
        // The words are native memory, which stays where it is.
        fixed (uint* words = &_words[host]) return (ulong*)words;
    }
}
