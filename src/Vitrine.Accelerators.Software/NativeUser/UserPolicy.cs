using System.Diagnostics;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>
/// Decides which of the guest's programs run natively: those that compute for long between their visits to the kernel. A stub's stop costs some microseconds where the
/// other engine goes on at once, so what counts is the mean time between two stops. A program is an address space whose translations have not ended: one that changes
/// its mappings so that all have to be made again has to prove itself again.
/// </summary>
/// <param name="cpu">The state.</param>
/// <param name="always">All programs run natively, whatever it costs.</param>
/// <param name="choice">Decides in place of all that, whenever there is something to decide; for tests.</param>
internal sealed unsafe class UserPolicy(CpuState* cpu, bool always, Func<bool>? choice = null)
{
    // SAFETY: the state is that of the vCPU that owns this object; only its thread comes here.
    private const int Records = 64;

    // About what a signal and its return cost beside the handover, and what a change of a mapping does with the miss that follows.
    private const long SignalNanoseconds = 2_000;
    private const long CallNanoseconds = 4_000;

    // A turn counts for no more: on a busy host some take milliseconds in which nothing runs.
    private const long LongestTurn = 200_000;

    // Mean time between two visits to the kernel, its own included, from which a program in the other engine is tried.
    private const long PromotionNanoseconds = 21_000;

    // How long a program is watched before it is tried, and how many stops before it may be sent back.
    private const long WatchedNanoseconds = 1_500_000;
    private const uint StopsWatched = 48;
    private const long FirstPenaltyNanoseconds = 20_000_000;
    private const long LongestPenaltyNanoseconds = 10_000_000_000;

    // A gap between two looks that is longer says that the program did something else than run.
    private const long LongestGap = 20_000_000;

    /// <summary>How long an undecided program runs before it is looked at again.</summary>
    public const long LookNanoseconds = 1_000_000;

    private readonly ProgramRecord[] _records = new ProgramRecord[Records];
    private ulong _space;
    private long _lastLook;
    private ulong _entriesAtLook;
    private bool _refused;

    /// <summary>What it has decided, beside what the engine has done.</summary>
    public NativeCounters Counters { get; } = new();

    /// <summary>The present program is neither known to gain nor to lose: looks should come often.</summary>
    public bool IsUndecided => !_refused && !always && !Record.Native && Record.PenaltyUntil == 0;

    private ref ProgramRecord Record => ref _records[(int)((_space ^ (_space >> 12)) % Records)];

    /// <summary>Another address space is in use.</summary>
    /// <param name="space">Its number, see <see cref="Mmu.SoftMmu.Space"/>.</param>
    /// <returns>True when its user code is to run natively.</returns>
    public bool FollowSpace(ulong space)
    {
        _space = space;
        _lastLook = 0;
        if (_refused) return false;
        ref ProgramRecord record = ref Record;
        if (record.Space != space) record = new ProgramRecord { Space = space };
        return choice is not null ? choice() : always || record.Native;
    }

    /// <summary>User code was left in the other engine, to look at events.</summary>
    /// <returns>True when it is to run natively from now on.</returns>
    public bool NoteTranslated()
    {
        if (_refused || always) return !_refused && (choice is null || choice());
        // Time that the host gave to others is not the program's.
        long now = HostCalls.ThreadTime();
        ref ProgramRecord record = ref Record;
        long gap = now - _lastLook;
        if (_lastLook != 0 && gap < LongestGap)
        {
            record.Watched += gap;
            record.Visits += cpu->UserEntries - _entriesAtLook;
        }

        _lastLook = now;
        _entriesAtLook = cpu->UserEntries;
        if (record.Watched < WatchedNanoseconds || Now() < record.PenaltyUntil) return false;
        bool gains = record.Watched / (long)(record.Visits + 1) >= PromotionNanoseconds;
        record.Watched = 0;
        record.Visits = 0;
        record.PenaltyUntil = 0;
        if (gains) Counters.Promotions++;
        return record.Native = gains;
    }

    /// <summary>A stub has run and stopped.</summary>
    /// <param name="nanoseconds">How long its turn took.</param>
    /// <returns>True when it is time to <see cref="Judge"/>.</returns>
    public bool NoteTurn(long nanoseconds)
    {
        ref ProgramRecord record = ref Record;
        record.Turns += Math.Min(nanoseconds, LongestTurn);
        return choice is not null || (++record.Stops >= StopsWatched && !always);
    }

    /// <summary>Decides whether the program goes on natively.</summary>
    /// <param name="handover">What it costs now to give a stub the turn and to get it back, in nanoseconds: much on a busy host.</param>
    /// <param name="calls">System calls that the stub has made until now, to change its mappings.</param>
    /// <returns>False when it goes to the other engine.</returns>
    public bool Judge(long handover, ulong calls)
    {
        if (choice is not null) return choice();
        ref ProgramRecord record = ref Record;
        long made = (long)(calls - Math.Min(record.CallsBefore, calls));

        // What is left of the time is the program's own; the other engine takes twice that, or thrice.
        long cost = (record.Stops * (Math.Min(handover, LongestTurn / 2) + SignalNanoseconds)) + (made * CallNanoseconds);
        bool gains = record.Turns - cost >= cost;
        record.Turns = 0;
        record.Stops = 0;
        record.CallsBefore = calls;
        if (gains) record.Penalty = 0;
        else SendBack(ref record);
        return gains;
    }

    /// <summary>The present program is to run natively.</summary>
    public bool IsNative => !_refused && (choice is not null ? choice() : always || Record.Native);

    /// <summary>The program was lost with its stub.</summary>
    public void Forbid() => Record = Record with { Native = false, PenaltyUntil = long.MaxValue };

    /// <summary>The host refuses stubs.</summary>
    public void GiveUp() => _refused = true;

    private void SendBack(ref ProgramRecord record)
    {
        Counters.Demotions++;
        record.Penalty = record.Penalty == 0 ? FirstPenaltyNanoseconds : Math.Min(record.Penalty * 2, LongestPenaltyNanoseconds);
        record.PenaltyUntil = Now() + record.Penalty;
        record.Native = false;
        record.Watched = 0;
        record.Visits = 0;
        _lastLook = 0;
    }

    private static long Now() => Stopwatch.GetTimestamp();
}
