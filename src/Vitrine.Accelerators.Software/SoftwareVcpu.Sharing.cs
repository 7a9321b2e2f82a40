using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Sharing;

namespace Vitrine.Accelerators.Software;

/// <content>What the vCPU has to do with the others of its machine.</content>
internal sealed unsafe partial class SoftwareVcpu
{
    // SAFETY: PollAt is the only field of the state that other threads write, and only zero; blocks are dropped between blocks.
    // What one spin loop of the guest costs, about: enough to see another processor act that runs, little beside the time that one waits that doesn't.
    private const uint PausesBeforeYield = 64;

    private readonly ExclusiveSection? _exclusive;
    private readonly PageRequests? _requests;
    private readonly List<ulong> _drops = [];
    private readonly List<ulong> _closes = [];
    private volatile bool _running;
    private uint _pauses;

    /// <summary>
    /// It may touch guest memory and what it keeps of it. While it does not, requests of others wait: it carries them out before it goes on, so
    /// nobody needs to wait for that. Any thread.
    /// </summary>
    internal bool IsRunning => _running;

    /// <summary>True when no other vCPU runs, nor can before this one has completed its instruction.</summary>
    internal bool IsAlone => _exclusive is null || _exclusive.IsHeldBy(this);

    /// <summary>Makes the dispatcher look at requests before the next block, if the vCPU runs. Any thread.</summary>
    internal void AskForAttention() => Volatile.Write(ref _cpu->PollAt, 0);

    /// <summary>Asks the vCPU to drop the code of a page, whose bytes are about to change. Any thread.</summary>
    internal void AskToDrop(ulong page)
    {
        _requests!.Drop(page);
        AskForAttention();
    }

    /// <summary>Asks the vCPU to close a page for writes that nobody hears of. Any thread.</summary>
    internal void AskToClose(ulong page)
    {
        _requests!.Close(page);
        AskForAttention();
    }

    /// <summary>Asks the vCPU to forget all that it derived from memory. Any thread.</summary>
    internal void AskToForget()
    {
        _requests!.DropEverything();
        AskForAttention();
    }

    /// <summary>PAUSE: a guest that spins may wait for a vCPU that has no processor of the host, which it then gets.</summary>
    internal void Pause()
    {
        if (_requests is not null && ++_pauses % PausesBeforeYield == 0) Thread.Yield();
    }

    private void EnterGuest()
    {
        while (true)
        {
            _running = true;

            // Who has seen us stand has left requests that are seen here.
            Interlocked.MemoryBarrier();
            if (_exclusive is null || !_exclusive.Excludes(this)) break;
            _running = false;
            _exclusive.WaitUntilFree();
        }

        AnswerRequests();
    }

    /// <summary>Carries out what was asked for while it stood. Behind a full barrier behind its saying that it runs.</summary>
    private void AnswerRequests()
    {
        if (_flushesWanted != _flushesDone) AnswerFlush();
        if (_requests is { Waiting: true }) ServeRequests();
    }

    private void LeaveGuest() => _running = false;

    /// <summary>Carries out what other vCPUs ask for. Behind every look at events, before anything runs.</summary>
    private void Attend()
    {
        if (_exclusive!.Excludes(this))
        {
            LeaveGuest();
            EnterGuest();
        }

        if (_requests!.Waiting) ServeRequests();
    }

    private void ServeRequests()
    {
        bool everything = _requests!.Take(_drops, _closes);
        foreach (ulong page in _closes) _mmu.Guard.Close((byte*)page);
        if (everything)
        {
            FlushCode();
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
        LeaveGuest();
        _exclusive!.Enter(this);
        try
        {
            _running = true;
            Interlocked.MemoryBarrier();
            AnswerRequests();

            // The end of the one-instruction block must come back here.
            AskForAttention();
            Op* op = FindSingle();
            if (op != null) Follow(op);
        }
        finally
        {
            _exclusive.Exit();
        }
    }
}
