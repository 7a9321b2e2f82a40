using Vitrine.Accelerators.Software.Blocks;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.Sharing;

namespace Vitrine.Accelerators.Software;

/// <summary>The vCPU's way into the guest and out of it: there it carries out what others have asked for while it did not run, and at each look at events.</summary>
internal sealed unsafe class GuestEntry
{
    // SAFETY: pages are host addresses of guest memory, and only looked up; blocks are dropped between blocks, on the vCPU's thread.
    private readonly VcpuPresence _presence;
    private readonly SoftMmu _mmu;
    private readonly BlockCache _blocks;
    private readonly CodeFinder _code;
    private readonly VcpuCoherence? _coherence;
    private readonly List<ulong> _drops = [];
    private readonly List<ulong> _closes = [];

    /// <summary>The entry of a vCPU that does not run.</summary>
    public GuestEntry(VcpuPresence presence, SoftMmu mmu, BlockCache blocks, CodeFinder code, VcpuCoherence? coherence)
    {
        _presence = presence;
        _mmu = mmu;
        _blocks = blocks;
        _code = code;
        _coherence = coherence;
    }

    /// <summary>The vCPU runs from now on.</summary>
    public void Enter()
    {
        _presence.Enter();
        AnswerRequests();
    }

    /// <summary>The vCPU does not run from now on.</summary>
    public void Leave() => _presence.Leave();

    /// <summary>The vCPU, which runs, is the only one from now on.</summary>
    public void EnterAlone()
    {
        _presence.Leave();
        _presence.EnterAlone();
    }

    /// <summary>Carries out what was asked for while it stood. After a full barrier after its saying that it runs.</summary>
    public void AnswerRequests()
    {
        _mmu.FollowSlots();
        if (_presence.IsFlushWanted) AnswerFlush();
        if (_presence.Requests is { Waiting: true }) ServeRequests();
        FollowWrites();
        _coherence?.FollowDoubts();
    }

    /// <summary>Takes over slots that have changed. Between blocks.</summary>
    public void FollowSlots() => _mmu.FollowSlots();

    /// <summary>Drops translations, so that writes are noted again.</summary>
    public void AnswerFlush()
    {
        int wanted = _presence.BeginFlush();
        _mmu.FlushTlb();
        _presence.EndFlush(wanted);
    }

    /// <summary>Follows writes that no vCPU has made, where there is one vCPU. Between blocks.</summary>
    public void FollowWrites()
    {
        if (_presence.HasNotices && !_mmu.TryFollowWrites()) _code.Flush();
    }

    /// <summary>Carries out what other vCPUs ask for, where there are several. After every look at events, before anything runs.</summary>
    public void Attend()
    {
        if (_presence.IsExcluded)
        {
            Leave();
            Enter();
        }

        if (_presence.Requests!.Waiting) ServeRequests();
    }

    private void ServeRequests()
    {
        bool everything = _presence.Requests!.Take(_drops, _closes);
        foreach (ulong page in _closes) _mmu.Guard.Close((byte*)page);
        if (everything)
        {
            _code.Forget();
            _mmu.Reset();
        }
        else
        {
            foreach (ulong page in _drops) _blocks.DropPage((byte*)page);
        }

        _drops.Clear();
        _closes.Clear();
    }
}
