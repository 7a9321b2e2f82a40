using System.Diagnostics;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.Translator;
using Vitrine.Accelerators.Statistics;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software;

/// <content>Running translated code, and what it leaves to others.</content>
internal sealed unsafe partial class SoftwareVcpu
{
    // SAFETY: as in the main part; code addresses come from the translation cache, whose code runs on this thread only.
    private readonly TranslationCache? _translations;
    private readonly BlockTranslator? _translator;
    private readonly DeadlineTimer? _timer;
    private const uint MissesBetweenSamples = 4096;
    private long _lastSample;

    /// <summary>The vCPU translates what it can.</summary>
    internal bool Translates => _translations != null;

    /// <summary>The translations, for counters; null without a translator.</summary>
    internal TranslationCache? Translations => _translations;

    /// <summary>The translator, for tests; null without one.</summary>
    internal BlockTranslator? BlockTranslator => _translator;

    private bool ModeIsTranslated => (_cpu->Mode & (ExecutionMode.Code64 | ExecutionMode.Flat)) != 0;

    /// <summary>Runs translated code until something needs the dispatcher; as <see cref="RunBlocks"/>.</summary>
    private void RunTranslated()
    {
        if (!IsBranchTarget(_cpu->Rip))
        {
            _cpu->SetFault(X86.Exceptions.ExceptionVector.GP, 0);
            return;
        }

        FollowFloatTraps();
        PackFlags();
        byte* code = Lockstep ? Enter(_cpu->Rip) : _translations!.EntryFor(_cpu->Rip);
        if (code == null) return;
        do
        {
            code = Continue((ExitReason)_translations!.Stubs.Enter(_cpu, code));
        }
        while (code != null);
    }

    /// <summary>Answers an exit of translated code.</summary>
    /// <returns>Where to go on, with RIP as the entry wants it; null for the dispatcher, with the flags unpacked.</returns>
    private byte* Continue(ExitReason reason)
    {
        byte* site = _cpu->ExitSite;
        _exits[(int)reason]++;
        if (reason == ExitReason.HostFault) return StopAtHostFault();
        bool refused = reason == ExitReason.Lookup && !IsBranchTarget(_cpu->Rip);
        if (refused) TakeBranchBack();
        if (Lockstep && !(refused ? AgreesAtAccess(_cpu->Rip) : AgreesAt(reason, site))) return null;
        switch (reason)
        {
            case ExitReason.Lookup:
                return refused ? InterpretAt(_cpu->Rip, InterpretationCause.Operands) : Enter(_cpu->Rip);
            case ExitReason.Link:
                return Link(site);
            case ExitReason.Poll:
                _cpu->Rip = RipAt(site);
                return BackToDispatcher();
            case ExitReason.Read or ExitReason.Write:
                return Refill(site, reason);
            case ExitReason.Sample:
                return TakeSample(site);
            case ExitReason.X87:
                return LoadX87(site);
            case ExitReason.SecondPage:
                return FindSecondPage(RipAt(site));
            default:
                return InterpretAt(RipAt(site), InterpretationCause.NotTranslated);
        }
    }

    private byte* LoadX87(byte* site)
    {
        X87Transfer.Fill(_cpu);
        _cpu->X87Place = uint.MaxValue;
        _cpu->X87Segment = 0;
        return site + sizeof(ushort);
    }

    /// <summary>Takes the x87 registers out of the host's, where they stay until something other than translated code wants them.</summary>
    private void SaveX87()
    {
        if (_cpu->X87Loaded == 0) return;
        _cpu->X87Loaded = 0;
        _translations!.Stubs.SaveX87(_cpu);
        X87Transfer.Take(_cpu);
    }

    private ulong RipAt(byte* site) => Truncate(_cpu->PageRip + *(ushort*)site);

    private ulong Truncate(ulong rip) => (_cpu->Mode & ExecutionMode.Code64) != 0 ? rip : (uint)rip;

    private byte* BackToDispatcher()
    {
        Unload();
        _cpu->Leave = LeaveReason.NextBlock;
        return null;
    }

    private byte* BackWithFault()
    {
        Unload();
        return null;
    }

    private void PackFlags()
    {
        ulong flags = Flags.GetArithmetic(_cpu);
        _cpu->PackedFlags = ((flags & 0xFF) << 8) | (flags >> 11);
    }

    private void UnpackFlags() =>
        Flags.SetArithmetic(_cpu, ((_cpu->PackedFlags >> 8) & 0xFF) | ((_cpu->PackedFlags & 1) << 11));

    /// <summary>Makes the state what the interpreter and everybody else expects.</summary>
    private void Unload()
    {
        UnpackFlags();
        SaveX87();

        // The way out has stored them; the interpreter may change them.
        _cpu->VectorsLoaded = 0;
    }

    /// <summary>An unmasked floating-point exception is part of the mode.</summary>
    private void FollowFloatTraps()
    {
        const ExecutionMode Traps = ExecutionMode.FloatTraps | ExecutionMode.X87Traps;
        ExecutionMode traps = CpuModes.FloatTraps(_cpu);
        if ((_cpu->Mode & Traps) == traps) return;
        _cpu->Mode = (_cpu->Mode & ~Traps) | traps;
        _mmu.RefreshMode();
    }

    private bool IsBranchTarget(ulong rip) => (_cpu->Mode & ExecutionMode.Code64) == 0 || Canonical.Is(rip);

    /// <summary>A branch to an address that isn't canonical faults before it has done anything: RIP and RSP are what they were before it.</summary>
    private void TakeBranchBack()
    {
        _cpu->Gpr[Gpr.Rsp] -= _cpu->BranchSite >> 12;
        _cpu->Rip = _cpu->PageRip + (_cpu->BranchSite & 0xFFF);
    }

    /// <summary>The code for a RIP that the branch table doesn't know.</summary>
    private byte* Enter(ulong rip)
    {
        _cpu->Rip = rip;
        _cpu->Leave = LeaveReason.NextBlock;
        if (!_code.TryLocate(rip, out _, out ulong gpa, out bool isGlobal)) return BackWithFault();
        byte* host = _mmu.HostFor(gpa, 1, out _);
        TranslatedBlock* block = host == null ? null : FindTranslation(host, rip, entry: isGlobal);
        if (block == null) return InterpretAt(rip, InterpretationCause.Code);
        if (block->Entry == null || block->EntryIsGlobal != isGlobal) _translator!.AddEntry(block, isGlobal);
        _translations!.Bind(block, rip);
        if (Lockstep) return EnterAlone(block, rip);
        return block->Entry;
    }

    /// <summary>The translation of the code at a host address.</summary>
    /// <returns>
    /// Null when the interpreter has to execute the first instruction: it reaches into the next page, or another vCPU can still write to the page.
    /// </returns>
    private TranslatedBlock* FindTranslation(byte* host, ulong rip, ExecutionMode more = 0, bool? entry = null)
    {
        TranslatedBlock* block = _translations!.Find(host, _cpu->Mode | more);
        if (block != null && _translations.HasRoom) return block;
        if (!_translations.HasRoom)
        {
            _translations.NoteFull();
            _code.Flush();
            block = null;
        }

        if (block == null)
        {
            if (!_mmu.Guard.BeginDecode(host)) return null;
            block = _translator!.Translate(host, _cpu->Mode | more, entry);
            if (block != null) Commit(block, _translator.LookedAt);
            _mmu.Guard.EndDecode(host, block != null ? block->GuestBytes : 0);
            if (block == null) return TranslateCrossing(host, rip);
        }

        return block;
    }

    private void Commit(TranslatedBlock* block, IReadOnlyList<(int Offset, int Bytes)> lookedAt)
    {
        block->NextInPage = (TranslatedBlock*)_blocks.Commit(block, block->Guest, block->GuestBytes, lookedAt);
        byte* page = (byte*)((ulong)block->Guest & ~0xFFFUL);
        for (int i = 0; i < lookedAt.Count; i++) _mmu.Guard.Cover(page + lookedAt[i].Offset, lookedAt[i].Bytes);
    }

    private TranslatedBlock* TranslateCrossing(byte* host, ulong rip)
    {
        byte* second = SecondPageOf(rip);
        if (second == null) return null;

        // A branch may want it as code that shares no checks: one instruction never does. Two blocks for one place would unbind each other's second page.
        TranslatedBlock* known = _translations!.Find(host, _cpu->Mode);
        if (known != null && known->SecondPage == second) return known;
        if (known != null) _translations.DropOne(known);

        // The second page is noted before it is read: who writes to it meanwhile leaves a request, which finds the block.
        if (!_mmu.Guard.BeginDecode(second)) return null;
        _mmu.Guard.EndDecode(second, CodeFinder.MaxLength - 1);
        if (!_mmu.Guard.BeginDecode(host)) return null;
        TranslatedBlock* block = _translator!.TranslateCrossing(host, second, _cpu->Mode);
        if (block != null)
        {
            Commit(block, []);
            Commit(_translations.AddOwned(block, _translator.BytesInSecondPage), []);
        }

        _mmu.Guard.EndDecode(host, block != null ? block->GuestBytes : 0);
        return block;
    }

    /// <summary>Host address of the page behind that of a RIP; null where it can't be fetched from memory. May record a fault, which the caller forgets.</summary>
    private byte* SecondPageOf(ulong rip)
    {
        ulong next = Truncate((rip & ~0xFFFUL) + 0x1000);
        return _mmu.CanFetch(next, out ulong gpa) ? _mmu.HostFor(gpa, 0x1000, out _) : null;
    }

    /// <summary>The second page of a block's instruction is not known to be where it was.</summary>
    private byte* FindSecondPage(ulong rip)
    {
        if (!_code.TryLocate(rip, out _, out ulong gpa, out _)) return InterpretAt(rip, InterpretationCause.Code);
        byte* host = _mmu.HostFor(gpa, 1, out _);
        TranslatedBlock* block = host == null ? null : _translations!.Find(host, _cpu->Mode);
        byte* second = SecondPageOf(rip);
        if (second == null) return InterpretAt(rip, InterpretationCause.Code);
        if (block == null || block->SecondPage == null) return Enter(rip);
        if (block->SecondPage != second)
        {
            _translations!.DropOne(block);
            return Enter(rip);
        }

        _translations!.BindSecondPage(block);
        return block->Body;
    }

    private static LinkTraits TraitsAt(byte* site) => (LinkTraits)site[6];

    private static bool IsUnshared(byte* site) => (TraitsAt(site) & LinkTraits.Unshared) != 0;

    /// <summary>Makes a branch within a page lead to its target from now on.</summary>
    private byte* Link(byte* site)
    {
        int target = *(ushort*)site;
        int distance = *(int*)(site + 2);
        LinkTraits traits = TraitsAt(site);

        // In lockstep every block starts where the interpreter was tried.
        if (Lockstep && (traits & LinkTraits.Unshared) != 0) return InterpretAt(RipAt(site), InterpretationCause.Other);
        ulong rip = Truncate(_cpu->PageRip + (ulong)target);
        _cpu->Rip = rip;
        _cpu->Leave = LeaveReason.NextBlock;
        if (!_code.TryLocate(rip, out _, out ulong gpa, out _)) return BackWithFault();
        byte* host = _mmu.HostFor(gpa, 1, out _);
        ulong flushes = _translations!.Flushes;
        TranslatedBlock* block = host == null ? null : FindTranslation(host, rip, (traits & LinkTraits.Unshared) != 0 ? ExecutionMode.Unshared : 0);
        if (block == null) return InterpretAt(rip, InterpretationCause.Code);
        if (Lockstep) return EnterAlone(block, rip);
        byte* code = block->Body;
        if ((traits & LinkTraits.Backwards) != 0 && !block->Polls)
        {
            if (block->LoopEntry == null) _translator!.AddLoopEntry(block);
            code = block->LoopEntry;
        }

        // After a flush the branch is gone.
        if (_translations.Flushes == flushes)
        {
            byte* field = site + distance;
            *(int*)(field - _translations.ToExecutable) = (int)(code - (field + sizeof(int)));
        }

        return code;
    }

    private byte* Refill(byte* site, ExitReason reason)
    {
        // From here on an operand may have to be aligned, and the #GP for one that isn't comes before the page fault.
        const int AlignedOperand = 16;
        ulong invalidations = _blocks.Invalidations;
        ulong cr2 = _cpu->Cr2;
        RefillOutcome outcome = RefillFor(reason, site);

        // The walk may have set accessed bits in the page that runs.
        bool dropped = _blocks.Invalidations != invalidations;
        if (outcome == RefillOutcome.Filled && !dropped) return MissAgain(site);
        if (Lockstep && !AgreesAtAccess(RipAt(site + MissSite.Offset))) return null;
        ulong rip = RipAt(site + MissSite.Offset);
        switch (outcome)
        {
            case RefillOutcome.Filled or RefillOutcome.FilledAlone:
                return Enter(rip);
            case RefillOutcome.Fault when site[MissSite.Size] + 1 >= AlignedOperand:
                _cpu->Cr2 = cr2;
                return InterpretAt(rip, CauseOfMiss(reason, site));
            case RefillOutcome.Fault:
                CountFault(rip);
                _cpu->Rip = rip;
                return BackWithFault();
            default:
                return InterpretAt(rip, CauseOfMiss(reason, site));
        }
    }

    private RefillOutcome RefillFor(ExitReason reason, byte* site) =>
        _mmu.Refill(_cpu->MissAddress, site[MissSite.Size] + 1, reason == ExitReason.Write);

    // The way in loads the address where a target usually is.
    private byte* MissAgain(byte* site)
    {
        const int CallBytes = 5;
        _cpu->Rip = _cpu->MissAddress;
        return site - CallBytes;
    }

    /// <summary>
    /// Looks at one of many accesses that were not in the pages of their slots: when that happens too often, the one that was met by chance, and so
    /// probably happens most, doesn't use a slot any more.
    /// </summary>
    private byte* TakeSample(byte* site)
    {
        const int LeastMicroseconds = 400;
        long now = Stopwatch.GetTimestamp();
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_lastSample, now);
        _lastSample = now;
        _cpu->MissBudget = MissesBetweenSamples;
        ulong rip = RipAt(site + MissSite.Offset);
        if (Lockstep || elapsed.TotalMicroseconds >= LeastMicroseconds) return MissAgain(site);

        // As in a refill, the walk may empty slots that the block counts on, or set accessed bits in the page that runs.
        ulong forgotten = _mmu.PagesForgotten;
        ulong invalidations = _blocks.Invalidations;
        byte* host = _mmu.CanFetch(rip, out ulong gpa) ? _mmu.HostFor(gpa, 1, out _) : null;
        bool scattered = host != null && _translator!.Scatter(host);
        if (scattered) _blocks.DropPage(host);
        return scattered || _mmu.PagesForgotten != forgotten || _blocks.Invalidations != invalidations ? Enter(rip) : MissAgain(site);
    }

    /// <summary>Executes one instruction that isn't translated, and goes on in translated code where nothing else is to be done first.</summary>
    private byte* Interpret(ulong rip)
    {
        _cpu->Rip = rip;
        Unload();
        Op* op = _code.FindOne();
        if (op == null) return null;
        _cpu->BlockRip = rip;
        Op* next = op->Handler(_cpu, op);
        if (next != null)
        {
            _cpu->Leave = LeaveReason.NextBlock;
            if (next == op + 1)
            {
                _cpu->Instructions++;
                _cpu->Rip = Faults.NextRip(_cpu, op);
            }
            else
            {
                _cpu->Rip = _cpu->BlockRip;
            }
        }

        if (_cpu->Leave != LeaveReason.NextBlock || Volatile.Read(ref _cpu->PollAt) == 0 || !ModeIsTranslated || NeedsSteps() ||
            (InterruptWaits && InterruptsEnabled))
        {
            return null;
        }

        FollowFloatTraps();
        PackFlags();
        return !IsBranchTarget(_cpu->Rip) ? null : Lockstep ? Enter(_cpu->Rip) : _translations!.EntryFor(_cpu->Rip);
    }
}
