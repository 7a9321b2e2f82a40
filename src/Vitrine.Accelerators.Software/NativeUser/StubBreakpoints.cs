using System.Diagnostics;

namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>
/// The debug registers of a stub's thread: up to four places whose instructions don't run there. A breakpoint is met only where an instruction begins, so bytes that are
/// sensitive but part of other instructions cost nothing, and no byte of the guest's changes (SDM vol. 3, 18.2). Linux keeps them when the tracer leaves.
/// </summary>
/// <param name="process">The stub.</param>
internal sealed unsafe class StubBreakpoints(int process)
{
    // SAFETY: the calls take numbers and addresses of the stub, and fill the status that they are given.
    private const int Ptrace = 101;
    private const int PokeUser = 6;
    private const int Detach = 17;
    private const int Seize = 0x4206;
    private const int Interrupt = 0x4207;
    private const int WaitAll = 0x4000_0000;

    // Of struct user (sys/user.h).
    private const int DebugRegisters = 848;
    private const int Control = 7;

    /// <summary>How many there are.</summary>
    public const int Count = 4;

    // A change costs some 50 microseconds: so many at once, and one more for each of these times.
    private const int Burst = 48;
    private const long NanosecondsForChange = 5_000_000;

    private readonly ulong[] _places = new ulong[Count];
    private readonly long _begun = Stopwatch.GetTimestamp();
    private int _next;
    private long _changes;
    private bool _refused;

    /// <summary>The host has refused a change where there were breakpoints before: pages that count on them must not be executed.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>An instruction at an address stops the stub before it runs.</summary>
    public bool Contains(ulong address) => Array.IndexOf(_places, address) >= 0 && address != 0;

    /// <summary>Takes breakpoints for places within a page.</summary>
    /// <param name="page">Linear address of the page.</param>
    /// <param name="offsets">Where in it; at most <see cref="Count"/>.</param>
    /// <param name="taken">Pages that lose theirs, by their linear addresses; others are 0. They must not be executed any more.</param>
    /// <returns>False when they can't be had.</returns>
    public bool TryTake(ulong page, ReadOnlySpan<ushort> offsets, Span<ulong> taken)
    {
        taken.Clear();
        if (Holds(page, offsets)) return true;
        if (_refused || _changes >= Burst + ((Stopwatch.GetTimestamp() - _begun) / NanosecondsForChange)) return false;
        _changes++;
        for (int i = 0; i < offsets.Length; i++)
        {
            taken[i] = _places[_next] & ~0xFFFUL;
            _places[_next] = page + offsets[i];
            _next = (_next + 1) % Count;
        }

        // A page that has lost one has lost all.
        for (int i = 0; i < Count; i++)
        {
            if (_places[i] != 0 && (_places[i] & ~0xFFFUL) != page && taken.Contains(_places[i] & ~0xFFFUL)) _places[i] = 0;
        }

        if (Apply()) return true;
        _refused = true;
        IsBroken = _changes > 1;
        Array.Clear(_places);
        return false;
    }

    private bool Holds(ulong page, ReadOnlySpan<ushort> offsets)
    {
        foreach (ushort offset in offsets)
        {
            if (!Contains(page + offset)) return false;
        }

        return true;
    }

    private bool Apply()
    {
        int status;
        if (Call(Seize, 0, 0) != 0) return false;
        bool stopped = Call(Interrupt, 0, 0) == 0 && HostCalls.WaitPid(process, &status, WaitAll) == process;
        bool set = stopped && Poke(Control, 0);
        ulong enabled = 0;
        for (int i = 0; i < Count && set; i++)
        {
            if (_places[i] == 0) continue;
            set = Poke(i, _places[i]);
            enabled |= 1UL << (2 * i);
        }

        set = set && Poke(Control, enabled);
        return Call(Detach, 0, 0) == 0 && set;
    }

    private bool Poke(int register, ulong value) => Call(PokeUser, DebugRegisters + (register * sizeof(ulong)), (nint)value) == 0;

    private nint Call(int request, nint address, nint data) => HostCalls.Call(Ptrace, request, process, address, data);
}
