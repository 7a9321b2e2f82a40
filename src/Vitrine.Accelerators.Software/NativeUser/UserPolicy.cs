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
internal sealed unsafe class UserPolicy(CpuState* cpu, bool always)
{
    // SAFETY: the state is that of the vCPU that owns this object; only its thread comes here.
    private const int Records = 64;

    // About what a stop costs, and what a mapping does.
    private const long StopNanoseconds = 3_500;
    private const long MappingNanoseconds = 3_000;

    // Mean time between two visits to the kernel, its own included, from which a program in the other engine is tried.
    private const long PromotionNanoseconds = 6 * StopNanoseconds;

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
    private long _begun;
    private uint _stops;
    private ulong _mappings;
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
        return always || record.Native;
    }

    /// <summary>User code was left in the other engine, to look at events.</summary>
    /// <returns>True when it is to run natively from now on.</returns>
    public bool NoteTranslated()
    {
        if (_refused || always) return !_refused;
        long now = Now();
        ref ProgramRecord record = ref Record;
        long gap = now - _lastLook;
        if (_lastLook != 0 && gap < LongestGap)
        {
            record.Watched += gap;
            record.Visits += cpu->UserEntries - _entriesAtLook;
        }

        _lastLook = now;
        _entriesAtLook = cpu->UserEntries;
        if (record.Watched < WatchedNanoseconds || now < record.PenaltyUntil) return false;
        bool gains = record.Watched / (long)(record.Visits + 1) >= PromotionNanoseconds;
        record.Watched = 0;
        record.Visits = 0;
        record.PenaltyUntil = 0;
        if (gains) Counters.Promotions++;
        return record.Native = gains;
    }

    /// <summary>A native run begins.</summary>
    /// <param name="mappings">Mappings that were made until now.</param>
    public void Begin(ulong mappings)
    {
        _mappings = mappings;
        _begun = Now();
        _stops = 0;
    }

    /// <summary>It has stopped.</summary>
    /// <param name="mappings">Mappings that were made until now.</param>
    /// <returns>False when it should end, because it doesn't pay.</returns>
    public bool NoteStop(ulong mappings)
    {
        if (++_stops % StopsWatched != 0 || always) return true;
        long cost = (_stops * StopNanoseconds) + ((long)(mappings - _mappings) * MappingNanoseconds);
        return Now() - _begun - cost >= cost;
    }

    /// <summary>The run has ended.</summary>
    /// <returns>False when the program goes to the other engine from now on.</returns>
    public bool End(ulong mappings)
    {
        if (always) return !_refused;
        ref ProgramRecord record = ref Record;
        record.Run += Now() - _begun;
        record.Stops += _stops;
        record.Mappings += (long)(mappings - _mappings);
        if (record.Stops < StopsWatched) return record.Native;

        // What is left of the time is the program's own; the other engine takes twice that, or thrice.
        long cost = (record.Stops * StopNanoseconds) + (record.Mappings * MappingNanoseconds);
        bool gains = record.Run - cost >= cost;
        record.Run = 0;
        record.Stops = 0;
        record.Mappings = 0;
        if (gains)
        {
            record.Penalty = 0;
            return record.Native;
        }

        Counters.Demotions++;
        SendBack(ref record);
        return false;
    }

    /// <summary>The program was lost with its stub.</summary>
    public void Forbid() => Record = Record with { Native = false, PenaltyUntil = long.MaxValue };

    /// <summary>The host refuses stubs.</summary>
    public void GiveUp() => _refused = true;

    private void SendBack(ref ProgramRecord record)
    {
        record.Penalty = record.Penalty == 0 ? FirstPenaltyNanoseconds : Math.Min(record.Penalty * 2, LongestPenaltyNanoseconds);
        record.PenaltyUntil = Now() + record.Penalty;
        record.Native = false;
        record.Watched = 0;
        record.Visits = 0;
        _lastLook = 0;
    }

    private static long Now() => Stopwatch.GetTimestamp();
}
