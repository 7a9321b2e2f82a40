using Vitrine.Memory;

namespace Vitrine.Accelerators.Software.Sharing;

/// <summary>
/// For up to 8 vCPUs: one word for a page, in which a field has a bit for each vCPU, but the last, which counts:
/// <code>
///  31..24           23..16          15..8    7..0
///  writes in vain   asked to close  writers  decoders
/// </code>
/// </summary>
internal sealed unsafe class NarrowPageSharers : PageSharers
{
    // SAFETY: as for the base.

    /// <summary>The most vCPUs.</summary>
    public const int Limit = 8;

    private const uint DecodersMask = 0xFF;
    private const int FirstWriter = 8;
    private const int FirstAsked = 16;
    private const uint OneWrite = 1u << 24;
    private const uint WritesMask = 0xFFu << 24;

    private readonly HostPageWords _words = new();

    /// <inheritdoc/>
    public override void AddMemory(MemorySlot slot) => _words.AddMemory(slot);

    /// <inheritdoc/>
    public override bool TryOpen(byte* host, int vcpu)
    {
        ref uint word = ref _words[host];
        uint writer = Writer(vcpu);
        uint present = Volatile.Read(ref word);
        while (true)
        {
            if ((present & DecodersMask) != 0) return false;
            if ((present & writer) != 0) return true;
            uint seen = Interlocked.CompareExchange(ref word, present | writer, present);
            if (seen == present) return true;
            present = seen;
        }
    }

    /// <inheritdoc/>
    public override ulong Decoders(byte* host) => Volatile.Read(ref _words[host]) & DecodersMask;

    /// <inheritdoc/>
    public override void Close(byte* host, int vcpu) => Interlocked.And(ref _words[host], ~(Writer(vcpu) | Asked(vcpu)));

    /// <inheritdoc/>
    public override ulong Join(byte* host, int vcpu)
    {
        ref uint word = ref _words[host];
        uint present = Volatile.Read(ref word);
        while (true)
        {
            uint seen = Interlocked.CompareExchange(ref word, (present | (1u << vcpu)) & ~WritesMask, present);
            if (seen == present) return (present >> FirstWriter) & DecodersMask;
            present = seen;
        }
    }

    /// <inheritdoc/>
    public override bool TryAsk(byte* host, int vcpu) => (Interlocked.Or(ref _words[host], Asked(vcpu)) & Asked(vcpu)) == 0;

    /// <inheritdoc/>
    public override ulong Remove(byte* host, ulong vcpus) => Interlocked.And(ref _words[host], ~((uint)vcpus & DecodersMask)) & DecodersMask;

    /// <inheritdoc/>
    public override void NoteWriteInVain(byte* host)
    {
        ref uint word = ref _words[host];
        uint writes = Interlocked.Add(ref word, OneWrite) & WritesMask;
        if (writes >= PatienceWithWrites * OneWrite) Interlocked.And(ref word, ~(DecodersMask | WritesMask));
    }

    /// <inheritdoc/>
    public override void Dispose() => _words.Dispose();

    private static uint Writer(int vcpu) => 1u << (FirstWriter + vcpu);

    private static uint Asked(int vcpu) => 1u << (FirstAsked + vcpu);
}
