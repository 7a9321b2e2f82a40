using Vitrine.Accelerators.Software.Blocks;
using Vitrine.Memory;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Sharing;

/// <summary>
/// Which vCPUs have decoded code of a page of host memory, and which may write to it without telling: what the directory of a cache-coherence protocol
/// keeps for lines, kept for pages. Either there are decoders or there are writers, except while writers that were asked to close have not yet done so.
/// </summary>
/// <remarks>
/// Decoders are only added and taken away under the page's lock, and writes to a page that has decoders are made under it: so whoever decodes sees either the whole of
/// such a write, or nothing and then hears of it.
/// </remarks>
/// <param name="vcpus">The most vCPUs.</param>
internal sealed unsafe class CodeDirectory(int vcpus) : IDisposable
{
    // SAFETY: host addresses are those of slots, and only name pages here.
    private const int PageShift = Page.Shift;
    private const int Shards = 64;

    private readonly Shard[] _shards = [.. Enumerable.Range(0, Shards).Select(static _ => new Shard())];
    private readonly PageSharers _sharers = PageSharers.For(vcpus);

    /// <summary>Covers the host memory of a slot. Before a vCPU sees the slot. What is known of memory that was there before stays: it may only say too much.</summary>
    public void AddMemory(MemorySlot slot) => _sharers.AddMemory(slot);

    /// <summary>A vCPU in a set of them.</summary>
    public static ulong Bit(int vcpu) => 1UL << vcpu;

    /// <summary>
    /// Lets a vCPU write to a page without telling. From then on it is a writer, until it closes the page because it was asked to.
    /// </summary>
    /// <returns>False when code of the page is decoded.</returns>
    public bool TryOpen(byte* host, int vcpu) => _sharers.TryOpen(host, vcpu);

    /// <summary>True when code of a page is decoded.</summary>
    public bool HasCode(byte* host) => _sharers.Decoders(host) != 0;

    /// <summary>A vCPU can't write to a page any more without telling.</summary>
    public void Close(byte* host, int vcpu) => _sharers.Close(host, vcpu);

    /// <summary>Locks a page, and 1/64 of all others, against decoding and against writes to decoded code.</summary>
    public void Enter(byte* host) => ShardOf(host).Lock.Enter();

    /// <summary>Ends <see cref="Enter"/>.</summary>
    public void Exit(byte* host) => ShardOf(host).Lock.Exit();

    /// <summary>A vCPU is about to decode code of a page: nobody becomes a writer from now on. The page is locked.</summary>
    /// <returns>The writers that there are, itself included; 0 when there are none.</returns>
    public ulong Join(byte* host, int vcpu) => _sharers.Join(host, vcpu);

    /// <summary>Notes that a writer is asked to close a page.</summary>
    /// <returns>False when it has been already.</returns>
    public bool TryAsk(byte* host, int vcpu) => _sharers.TryAsk(host, vcpu);

    /// <summary>Notes which bytes of a page were decoded. The page is locked.</summary>
    public void Cover(byte* host, int length)
    {
        ulong page = PageOf(host);
        ShardOf(host).OfPage(page).Cover((int)((ulong)host - page), length);
    }

    /// <summary>Bytes of a page are about to change. The page is locked; who writes releases it behind the write.</summary>
    /// <returns>The decoders who must drop the page's code, which they are no more; 0 when their code is elsewhere in the page.</returns>
    public ulong Write(byte* host, int length)
    {
        Shard shard = ShardOf(host);
        ulong page = PageOf(host);
        if (shard.Covered.TryGetValue(page, out CoveredBytes? covered))
        {
            if (!covered.Covers((int)((ulong)host - page), length)) return 0;
            shard.Forget(page);
            return _sharers.Remove(host, ulong.MaxValue);
        }

        // Somebody runs code of the page, and has not come to decode it. Perhaps it is a page of data by now.
        _sharers.NoteWriteInVain(host);
        return 0;
    }

    /// <summary>A vCPU has dropped all code of a page without being told.</summary>
    public void Leave(byte* host, int vcpu)
    {
        Enter(host);
        if (_sharers.Remove(host, Bit(vcpu)) == Bit(vcpu)) ShardOf(host).Forget(PageOf(host));
        Exit(host);
    }

    /// <inheritdoc/>
    public void Dispose() => _sharers.Dispose();

    private static ulong PageOf(byte* host) => (ulong)host & ~0xFFFUL;

    private Shard ShardOf(byte* host) => _shards[(int)((ulong)host >> PageShift) & (Shards - 1)];

    private sealed class Shard
    {
        public readonly Lock Lock = new();
        public readonly Dictionary<ulong, CoveredBytes> Covered = [];

        // Of pages that were forgotten: code that is written again and again must not allocate.
        private readonly Stack<CoveredBytes> _free = [];

        /// <summary>What is covered of a page, nothing at first.</summary>
        public CoveredBytes OfPage(ulong page)
        {
            if (Covered.TryGetValue(page, out CoveredBytes? covered)) return covered;
            if (!_free.TryPop(out covered)) covered = new CoveredBytes();
            Covered.Add(page, covered);
            return covered;
        }

        /// <summary>Nothing of a page is covered any more.</summary>
        public void Forget(ulong page)
        {
            if (!Covered.Remove(page, out CoveredBytes? covered)) return;
            covered.Clear();
            _free.Push(covered);
        }
    }
}
