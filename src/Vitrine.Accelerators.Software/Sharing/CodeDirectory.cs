using Vitrine.Accelerators.Software.Blocks;
using Vitrine.Memory;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Sharing;

/// <summary>
/// Which vCPUs have decoded code of a page of host memory, and which may write to it without telling: what the directory of a cache-coherence protocol
/// keeps for lines, kept for pages. Either there are decoders or there are writers, except while writers that were asked to close have not yet done so.
/// </summary>
/// <remarks>
/// The word of a page; each field has a bit for each vCPU but the last, which counts:
/// <code>
///  31..24           23..16          15..8    7..0
///  writes in vain   asked to close  writers  decoders
/// </code>
/// Words are changed with interlocked operations. Bits of decoders are only set and cleared under the page's lock, and writes to a page that has decoders
/// are made under it: so whoever decodes sees either the whole of such a write, or nothing and then hears of it.
/// </remarks>
internal sealed unsafe class CodeDirectory : IDisposable
{
    // SAFETY: host addresses are those of slots, and only name pages here.
    private const uint Decoders = 0xFF;
    private const uint Writers = 0xFF00;
    private const int FirstWriter = 8;
    private const int FirstAsked = 16;
    private const uint OneWrite = 1u << 24;
    private const uint WritesMask = 0xFFu << 24;

    // How many writes may come to a page that nothing is decoded from before its decoders are forgotten.
    private const uint PatienceWithWrites = 64 * OneWrite;
    private const int PageShift = Page.Shift;
    private const int Shards = 64;

    private readonly Shard[] _shards = new Shard[Shards];
    private readonly HostPageWords _words = new();

    /// <summary>An empty directory.</summary>
    public CodeDirectory()
    {
        for (int i = 0; i < Shards; i++) _shards[i] = new Shard();
    }

    /// <summary>Covers the host memory of a slot. Before a vCPU sees the slot. What is known of memory that was there before stays: it may only say too much.</summary>
    public void AddMemory(MemorySlot slot) => _words.AddMemory(slot);

    /// <summary>The bit of a vCPU among the writers.</summary>
    public static uint Writer(int vcpu) => 1u << (FirstWriter + vcpu);

    /// <summary>
    /// Lets a vCPU write to a page without telling. From then on it is a writer, until it closes the page because it was asked to.
    /// </summary>
    /// <returns>False when code of the page is decoded.</returns>
    public bool TryOpen(byte* host, int vcpu)
    {
        ref uint word = ref WordOf(host);
        uint writer = Writer(vcpu);
        uint present = Volatile.Read(ref word);
        while (true)
        {
            if ((present & Decoders) != 0) return false;
            if ((present & writer) != 0) return true;
            uint seen = Interlocked.CompareExchange(ref word, present | writer, present);
            if (seen == present) return true;
            present = seen;
        }
    }

    /// <summary>True when code of a page is decoded.</summary>
    public bool HasCode(byte* host) => (Volatile.Read(ref WordOf(host)) & Decoders) != 0;

    /// <summary>A vCPU can't write to a page any more without telling.</summary>
    public void Close(byte* host, int vcpu) => Interlocked.And(ref WordOf(host), ~(Writer(vcpu) | Asked(vcpu)));

    /// <summary>Locks a page, and 1/64 of all others, against decoding and against writes to decoded code.</summary>
    public void Enter(byte* host) => ShardOf(host).Lock.Enter();

    /// <summary>Ends <see cref="Enter"/>.</summary>
    public void Exit(byte* host) => ShardOf(host).Lock.Exit();

    /// <summary>A vCPU is about to decode code of a page: nobody becomes a writer from now on. The page is locked.</summary>
    /// <returns>The writers that there are, itself included; 0 when there are none.</returns>
    public uint Join(byte* host, int vcpu)
    {
        ref uint word = ref WordOf(host);
        uint present = Volatile.Read(ref word);
        while (true)
        {
            uint seen = Interlocked.CompareExchange(ref word, (present | (1u << vcpu)) & ~WritesMask, present);
            if (seen == present) return present & Writers;
            present = seen;
        }
    }

    /// <summary>Notes that a writer is asked to close a page.</summary>
    /// <returns>False when it has been already.</returns>
    public bool TryAsk(byte* host, int vcpu) => (Interlocked.Or(ref WordOf(host), Asked(vcpu)) & Asked(vcpu)) == 0;

    /// <summary>Notes which bytes of a page were decoded. The page is locked.</summary>
    public void Cover(byte* host, int length)
    {
        ulong page = PageOf(host);
        ShardOf(host).OfPage(page).Cover((int)((ulong)host - page), length);
    }

    /// <summary>Bytes of a page are about to change. The page is locked; who writes releases it behind the write.</summary>
    /// <returns>The decoders who must drop the page's code, which they are no more; 0 when their code is elsewhere in the page.</returns>
    public uint Write(byte* host, int length)
    {
        Shard shard = ShardOf(host);
        ulong page = PageOf(host);
        ref uint word = ref WordOf(host);
        if (shard.Covered.TryGetValue(page, out CoveredBytes? covered))
        {
            if (!covered.Covers((int)((ulong)host - page), length)) return 0;
            shard.Forget(page);
            return Interlocked.And(ref word, ~Decoders) & Decoders;
        }

        // Somebody runs code of the page, and has not come to decode it. Perhaps it is a page of data by now.
        uint writes = Interlocked.Add(ref word, OneWrite) & WritesMask;
        if (writes >= PatienceWithWrites) Interlocked.And(ref word, ~(Decoders | WritesMask));
        return 0;
    }

    /// <summary>A vCPU has dropped all code of a page without being told.</summary>
    public void Leave(byte* host, int vcpu)
    {
        Enter(host);
        uint before = Interlocked.And(ref WordOf(host), ~(1u << vcpu));
        if ((before & Decoders) == 1u << vcpu) ShardOf(host).Forget(PageOf(host));
        Exit(host);
    }

    /// <inheritdoc/>
    public void Dispose() => _words.Dispose();

    private static uint Asked(int vcpu) => 1u << (FirstAsked + vcpu);

    private static ulong PageOf(byte* host) => (ulong)host & ~0xFFFUL;

    private Shard ShardOf(byte* host) => _shards[(int)((ulong)host >> PageShift) & (Shards - 1)];

    private ref uint WordOf(byte* host) => ref _words[host];

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
