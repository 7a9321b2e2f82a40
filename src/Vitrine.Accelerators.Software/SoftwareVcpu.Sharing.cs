using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software;

/// <content>What the vCPU has to do with the others of its machine.</content>
internal sealed unsafe partial class SoftwareVcpu
{
    // SAFETY: PollAt is the only field of the state that other threads write, and only zero; blocks are dropped between blocks.
    private readonly List<ulong> _drops = [];
    private readonly List<ulong> _closes = [];

    private void EnterGuest()
    {
        _presence.Enter();
        AnswerRequests();
    }

    /// <summary>Carries out what was asked for while it stood. Behind a full barrier behind its saying that it runs.</summary>
    private void AnswerRequests()
    {
        if (_presence.IsFlushWanted) AnswerFlush();
        if (_presence.Requests is { Waiting: true }) ServeRequests();
        if (_presence.HasNotices) FollowWrites();
    }

    /// <summary>Follows writes to memory that no vCPU has made. Between blocks.</summary>
    private void FollowWrites()
    {
        if (!_mmu.TryFollowWrites()) _code.Flush();
    }

    /// <summary>Carries out what other vCPUs ask for. Behind every look at events, before anything runs.</summary>
    private void Attend()
    {
        if (_presence.IsExcluded)
        {
            _presence.Leave();
            EnterGuest();
        }

        if (_presence.Requests!.Waiting) ServeRequests();
    }

    private void ServeRequests()
    {
        bool everything = _presence.Requests!.Take(_drops, _closes);
        foreach (ulong page in _closes) _mmu.Guard.Close((byte*)page);
        if (everything)
        {
            _code.Flush();
            _mmu.Reset();
        }
        else
        {
            foreach (ulong page in _drops) _blocks.DropPage((byte*)page);
        }

        _drops.Clear();
        _closes.Clear();
    }

    /// <summary>Runs operations until one leaves; an instruction that has to be alone runs so.</summary>
    private void Execute(Op* op)
    {
        Follow(op);
        while (_cpu->Leave == LeaveReason.Alone) ExecuteAlone();
    }

    private void ExecuteAlone()
    {
        _presence.Leave();
        _presence.EnterAlone();
        try
        {
            AnswerRequests();

            // The end of the one-instruction block must come back here.
            _presence.AskForAttention();
            Op* op = _code.FindSingle();
            if (op != null) Follow(op);
        }
        finally
        {
            _presence.LeaveAlone();
        }
    }
}
