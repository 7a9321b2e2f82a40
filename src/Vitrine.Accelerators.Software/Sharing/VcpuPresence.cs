using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Sharing;

/// <summary>
/// Whether a vCPU runs, and what the others of its machine leave for it. While it does not run, requests wait: it carries them out before it goes on, so that nobody
/// needs to wait for that.
/// </summary>
internal sealed unsafe class VcpuPresence
{
    // SAFETY: PollAt is the only field of the state that other threads write, and only zero.
    // What one spin loop of the guest costs, about: enough to see another processor act that runs, little beside the time that one waits that doesn't.
    private const uint PausesBeforeYield = 64;

    private readonly CpuState* _cpu;
    private readonly ExclusiveSection? _exclusive;
    private readonly PageRequests? _requests;
    private volatile bool _running;
    private volatile int _flushesWanted;
    private volatile int _flushesDone;
    private volatile int _slotVersion;
    private volatile bool _doubts;
    private uint _pauses;

    /// <summary>A vCPU that does not run yet.</summary>
    /// <param name="cpu">Its state.</param>
    /// <param name="id">Its number.</param>
    /// <param name="group">The machine's vCPUs.</param>
    public VcpuPresence(CpuState* cpu, int id, VcpuGroup group)
    {
        _cpu = cpu;
        Id = id;
        _exclusive = group.Exclusive;
        _requests = group.Count > 1 ? new PageRequests() : null;
    }

    /// <summary>The vCPU's number.</summary>
    public int Id { get; }

    /// <summary>It may touch guest memory and what it keeps of it. Any thread.</summary>
    public bool IsRunning => _running;

    /// <summary>True when no other vCPU runs, nor can before this one has completed its instruction.</summary>
    public bool IsAlone => _exclusive is null || _exclusive.IsHeldBy(this);

    /// <summary>What the others ask for about pages; null with one vCPU.</summary>
    public PageRequests? Requests => _requests;

    /// <summary>Somebody waits for <see cref="EndFlush"/>.</summary>
    public bool IsFlushWanted => _flushesWanted != _flushesDone;

    /// <summary>Makes the dispatcher look at requests before the next block, if the vCPU runs. Any thread.</summary>
    public void AskForAttention() => Attention.Ask(_cpu);

    /// <summary>Asks the vCPU to drop the code of a page, whose bytes are about to change. Any thread.</summary>
    public void AskToDrop(ulong page)
    {
        _requests!.Drop(page);
        AskForAttention();
    }

    /// <summary>Asks the vCPU to close a page for writes that nobody hears of. Any thread.</summary>
    public void AskToClose(ulong page)
    {
        _requests!.Close(page);
        AskForAttention();
    }

    /// <summary>Writes to pages of code by others than vCPUs, which the only vCPU of a machine has yet to follow.</summary>
    public WriteNotices CodeWrites { get; } = new();

    /// <summary>The same of pages with tables that it has shadowed.</summary>
    public WriteNotices TableWrites { get; } = new();

    /// <summary>True when there are writes to follow.</summary>
    public bool HasNotices => CodeWrites.Waiting || TableWrites.Waiting;

    /// <summary>Asks the vCPU to follow a write within a page, whose bytes have changed. Any thread; for the only vCPU of a machine.</summary>
    public void AskToFollow(PageUse uses, HostRange range)
    {
        if ((uses & PageUse.Code) != 0) CodeWrites.Add(range);
        if ((uses & PageUse.Table) != 0) TableWrites.Add(range);
        AskForAttention();
    }

    /// <summary>Asks the vCPU to forget all that it derived from memory. Any thread.</summary>
    public void AskToForget()
    {
        _requests!.DropEverything();
        AskForAttention();
    }

    /// <summary>Asks the vCPU to compare its code with memory before it goes on. Any thread.</summary>
    public void AskToDoubt()
    {
        _doubts = true;
        AskForAttention();
    }

    /// <summary>Takes such a request. The vCPU's own thread.</summary>
    /// <returns>False when there is none.</returns>
    public bool TakeDoubt()
    {
        if (!_doubts) return false;
        _doubts = false;

        // What was written before a request that comes now is seen by the comparisons.
        Interlocked.MemoryBarrier();
        return true;
    }

    /// <summary>Asks the vCPU to drop its translations, so that it notes writes again. Any thread.</summary>
    /// <returns>What <see cref="WaitForFlush"/> waits for.</returns>
    public int AskForFlush()
    {
        int ticket = Interlocked.Increment(ref _flushesWanted);
        AskForAttention();
        return ticket;
    }

    /// <summary>
    /// Waits until the vCPU has done what <see cref="AskForFlush"/> asked for, or stands, where it will do it before it goes on. Any thread;
    /// that of a vCPU only while it does not run.
    /// </summary>
    public void WaitForFlush(int ticket)
    {
        Interlocked.MemoryBarrier();
        SpinWait spin = default;
        while (_running && _flushesDone - ticket < 0) spin.SpinOnce();
    }

    /// <summary>The vCPU is about to flush. A request that comes during the flush has a later number and asks for another one.</summary>
    /// <returns>What <see cref="EndFlush"/> takes.</returns>
    public int BeginFlush() => _flushesWanted;

    /// <summary>The vCPU has flushed.</summary>
    public void EndFlush(int wanted) => _flushesDone = wanted;

    /// <summary>The version of the slots that it uses: nothing that it keeps leads to memory of older ones. Set by the vCPU.</summary>
    public int SlotVersion
    {
        get => _slotVersion;
        set => _slotVersion = value;
    }

    /// <summary>
    /// Waits until the vCPU uses a version of the slots, or stands, where it will take it over before it goes on. After <see cref="AskForAttention"/>. Any
    /// thread; that of a vCPU only while it does not run.
    /// </summary>
    public void WaitForSlots(int version)
    {
        Interlocked.MemoryBarrier();
        SpinWait spin = default;
        while (_running && _slotVersion - version < 0) spin.SpinOnce();
    }

    /// <summary>PAUSE: a guest that spins may wait for a vCPU that has no processor of the host, which it then gets.</summary>
    public void Pause()
    {
        if (_requests is not null && ++_pauses % PausesBeforeYield == 0) Thread.Yield();
    }

    /// <summary>The vCPU runs from now on; waits while another one is alone. Requests must be carried out next.</summary>
    public void Enter()
    {
        while (true)
        {
            _running = true;

            // Who has seen us stand has left requests that are seen here.
            Interlocked.MemoryBarrier();
            if (_exclusive is null || !_exclusive.Excludes(this)) return;
            _running = false;
            _exclusive.WaitUntilFree();
        }
    }

    /// <summary>The vCPU does not run from now on.</summary>
    public void Leave() => _running = false;

    /// <summary>True when another vCPU wants to be alone: this one must leave, and enter again.</summary>
    public bool IsExcluded => _exclusive is not null && _exclusive.Excludes(this);

    /// <summary>The vCPU runs from now on, and no other one. It must not run before; requests must be carried out next.</summary>
    public void EnterAlone()
    {
        _exclusive!.Enter(this);
        _running = true;
        Interlocked.MemoryBarrier();
    }

    /// <summary>Ends <see cref="EnterAlone"/>; the vCPU goes on running.</summary>
    public void LeaveAlone() => _exclusive!.Exit();
}
