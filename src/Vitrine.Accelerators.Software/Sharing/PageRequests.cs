namespace Vitrine.Accelerators.Software.Sharing;

/// <summary>
/// What other vCPUs ask of one about pages of host memory. They may leave a request at any time; the vCPU carries it out before anything runs behind its next
/// poll, and before it goes on when it stood.
/// </summary>
internal sealed class PageRequests
{
    // More than a vCPU that runs ever has; one that stands drops all its code rather than keep a list of everything that happened.
    private const int MostDrops = 256;

    private readonly Lock _lock = new();
    private readonly List<ulong> _drops = [];
    private readonly List<ulong> _closes = [];
    private bool _everything;
    private volatile bool _waiting;

    /// <summary>True when there are requests. The vCPU's own thread.</summary>
    public bool Waiting => _waiting;

    /// <summary>The code of a page is to be dropped: its bytes change. Any thread.</summary>
    public void Drop(ulong page)
    {
        lock (_lock)
        {
            if (_drops.Count < MostDrops) _drops.Add(page);
            else _everything = true;
            _waiting = true;
        }
    }

    /// <summary>A page is to be closed for writes, see <see cref="CodeDirectory.TryAsk"/>, which lets nobody ask twice. Any thread.</summary>
    public void Close(ulong page)
    {
        lock (_lock)
        {
            _closes.Add(page);
            _waiting = true;
        }
    }

    /// <summary>All code is to be dropped. Any thread.</summary>
    public void DropEverything()
    {
        lock (_lock) _everything = _waiting = true;
    }

    /// <summary>Takes all requests. The vCPU's own thread.</summary>
    /// <param name="drops">Receives the pages whose code is to be dropped.</param>
    /// <param name="closes">Receives the pages that are to be closed.</param>
    /// <returns>True when all code is to be dropped.</returns>
    public bool Take(List<ulong> drops, List<ulong> closes)
    {
        lock (_lock)
        {
            drops.AddRange(_drops);
            closes.AddRange(_closes);
            _drops.Clear();
            _closes.Clear();
            bool everything = _everything;
            _everything = _waiting = false;
            return everything;
        }
    }
}
