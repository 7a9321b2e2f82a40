using System.Diagnostics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Blocks;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Engines;
using Vitrine.Accelerators.Software.Interpreter;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.Translator.Counting;
using Vitrine.Accelerators.Statistics;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>Runs translated code and answers its exits; executes in between, one at a time, the instructions that are not translated.</summary>
internal sealed unsafe class TranslatorEngine : Engine
{
    // SAFETY: the state is that of the vCPU that owns this object; code addresses come from the translation cache, whose code runs on this vCPU's thread only.
    private const uint MissesBetweenSamples = 4096;

    private readonly CpuState* _cpu;
    private readonly SoftMmu _mmu;
    private readonly BlockCache _blocks;
    private readonly CodeFinder _code;
    private readonly TranslationCache _translations;
    private readonly BlockTranslator _translator;
    private readonly EntryStubs _stubs;
    private readonly LoadedState _loaded;
    private readonly TranslationFinder _finder;
    private readonly HostFaultReporter _faults;
    private readonly ExecutionCounters _counters;
    private IBlockCheck? _check;
    private long _lastSample;

    /// <summary>The engine of a vCPU.</summary>
    /// <param name="cpu">The state, with room for <see cref="TranslationCache.BranchesFor"/> entries.</param>
    /// <param name="mmu">The MMU.</param>
    /// <param name="blocks">Drops translations with the pages that they were made from.</param>
    /// <param name="code">Finds the instructions that are not translated.</param>
    /// <param name="exit">The exit, which a signal in the host fills.</param>
    /// <param name="options">What can be chosen.</param>
    /// <exception cref="Errors.VitrineException">The host refuses memory for code.</exception>
    public TranslatorEngine(CpuState* cpu, SoftMmu mmu, BlockCache blocks, CodeFinder code, VcpuExit exit, TranslatorOptions options)
    {
        _cpu = cpu;
        _mmu = mmu;
        _blocks = blocks;
        _code = code;
        _translations = new TranslationCache(cpu, options.CodeBytes, options.Counts);
        _translator = new BlockTranslator(_translations, options.Exact, options.Shares, options.Counts, options.Copies);
        blocks.Attach(_translations);
        _stubs = _translations.Stubs;
        _loaded = new LoadedState(cpu, mmu, _stubs);
        _finder = new TranslationFinder(cpu, mmu, blocks, code, _translations, _translator);
        _faults = new HostFaultReporter(cpu, mmu, code, exit, _translations, _translator);
        _counters = new ExecutionCounters(cpu, mmu, code, _translator, options.Counts);
    }

    /// <inheritdoc/>
    public override string Name => "translator";

    /// <inheritdoc/>
    public override ulong UncountedInstructions => _counters.Value(TranslationCounter.Instructions);

    /// <inheritdoc/>
    public override bool NeedsAlarm => true;

    /// <inheritdoc/>
    public override bool IsLarge => _translations.IsLarge;

    /// <summary>The translations.</summary>
    public TranslationCache Translations => _translations;

    /// <summary>What writes them.</summary>
    public BlockTranslator Translator => _translator;

    /// <summary>What is elsewhere while translated code runs.</summary>
    public LoadedState Loaded => _loaded;

    /// <summary>Reports signals that code of ours raised in the host.</summary>
    public HostFaultReporter HostFaults => _faults;

    /// <summary>What it counts.</summary>
    public ExecutionCounters Counters => _counters;

    /// <summary>Compares each block from now on. Before the first one runs, and with a translator that is exact.</summary>
    public void CheckBlocks(IBlockCheck check)
    {
        _check = check;
        _faults.CheckBlocks(check);
    }

    /// <inheritdoc/>
    public override bool TryRun(bool finishing)
    {
        if (!CpuModes.IsTranslated(_cpu->Mode)) return false;
        Run(finishing);
        return true;
    }

    private void Run(bool finishing)
    {
        if (!IsBranchTarget(_cpu->Rip))
        {
            _cpu->SetFault(ExceptionVector.GP, 0);
            return;
        }

        _loaded.FollowFloatTraps();
        _loaded.PackFlags();

        // The way into a block looks for events first.
        byte* code = _check is not null ? Enter(_cpu->Rip)
            : finishing ? Finish(_cpu->Rip)
            : _translations.EntryFor(_cpu->Rip);
        if (code == null) return;
        do
        {
            code = Continue((ExitReason)_stubs.Enter(_cpu, code));
        }
        while (code != null);
    }

    /// <summary>Answers an exit of translated code.</summary>
    /// <returns>Where to go on, with RIP as the entry wants it; null for the dispatcher, with the flags unpacked.</returns>
    private byte* Continue(ExitReason reason)
    {
        byte* site = _cpu->ExitSite;
        _counters.Add(reason);
        if (reason == ExitReason.HostFault)
        {
            _faults.StopAtTranslated();
            _loaded.Unload();
            return null;
        }

        bool refused = reason == ExitReason.Lookup && !IsBranchTarget(_cpu->Rip);
        if (refused) TakeBranchBack();
        if (_check is not null && !(refused ? _check.AgreesAtAccess(_cpu->Rip) : _check.AgreesAt(reason, site))) return null;
        switch (reason)
        {
            case ExitReason.Lookup:
                return refused ? InterpretAt(_cpu->Rip, InterpretationCause.Operands) : Enter(_cpu->Rip);
            case ExitReason.Link:
                return Link(site);
            case ExitReason.Poll:
                _cpu->Rip = GuestRip.At(_cpu, site);
                return BackToDispatcher();
            case ExitReason.Read or ExitReason.Write:
                return Refill(site, reason);
            case ExitReason.Sample:
                return TakeSample(site);
            case ExitReason.X87:
                return _loaded.LoadX87(site);
            case ExitReason.SecondPage:
                return FindSecondPage(GuestRip.At(_cpu, site));
            case ExitReason.Changed:
                ulong changed = GuestRip.At(_cpu, site);
                _code.SuspectChange(changed);
                return Enter(changed);
            default:
                return InterpretAt(GuestRip.At(_cpu, site), InterpretationCause.NotTranslated);
        }
    }

    private byte* BackToDispatcher()
    {
        _loaded.Unload();
        _cpu->Leave = LeaveReason.NextBlock;
        return null;
    }

    private bool IsStop(ulong rip) => _cpu->HasStop && StopPoint.IsAt(_cpu, _code.LinearOf(rip));

    private byte* BackAtStop(ulong rip)
    {
        _cpu->Rip = rip;
        _loaded.Unload();
        _cpu->Leave = LeaveReason.Stop;
        return null;
    }

    private byte* BackWithFault()
    {
        _loaded.Unload();
        return null;
    }

    private bool IsBranchTarget(ulong rip) => (_cpu->Mode & ExecutionMode.Code64) == 0 || Canonical.Is(rip);

    /// <summary>
    /// A block leads directly to an address that isn't canonical, or runs into one. Translated code doesn't know where it is, and notes the place of indirect
    /// branches only.
    /// </summary>
    private bool LeadsOut(TranslatedBlock* block, ulong rip)
    {
        ulong page = rip & ~0xFFFUL;
        return !IsBranchTarget(page + (ulong)(long)block->LowestTarget) || !IsBranchTarget(page + (ulong)(long)block->HighestTarget);
    }

    /// <summary>A branch to an address that isn't canonical faults before it has done anything: RIP and RSP are what they were before it.</summary>
    private void TakeBranchBack()
    {
        _cpu->Gpr[Gpr.Rsp] -= _cpu->BranchSite >> 12;
        _cpu->Rip = _cpu->PageRip + (_cpu->BranchSite & 0xFFF);
    }

    /// <summary>The code for a RIP that the branch table doesn't know.</summary>
    private byte* Enter(ulong rip)
    {
        // A stop comes before the fault of the fetch.
        if (IsStop(rip)) return BackAtStop(rip);
        _cpu->Rip = rip;
        _cpu->Leave = LeaveReason.NextBlock;
        if (!_code.TryLocate(rip, out _, out ulong gpa, out bool isGlobal)) return BackWithFault();
        byte* host = _mmu.HostFor(gpa, 1, out _);
        TranslatedBlock* block = host == null ? null : _finder.Find(host, rip, entry: isGlobal);
        if (block == null || LeadsOut(block, rip)) return InterpretAt(rip, InterpretationCause.Code);
        if (block->Entry == null || block->EntryIsGlobal != isGlobal) _translator.AddEntry(block, isGlobal);
        _translations.Bind(block, rip);
        if (_check is not null) return _check.Begin(block, rip);
        return block->Entry;
    }

    /// <summary>The second page of a block's instruction is not known to be where it was.</summary>
    private byte* FindSecondPage(ulong rip)
    {
        if (!_code.TryLocate(rip, out _, out ulong gpa, out _)) return InterpretAt(rip, InterpretationCause.Code);
        byte* host = _mmu.HostFor(gpa, 1, out _);
        byte* second = _finder.SecondPageOf(rip);
        if (second != null) _blocks.Verify(second);
        TranslatedBlock* block = host == null ? null : _translations.Find(host, _cpu->Mode);
        if (second == null) return InterpretAt(rip, InterpretationCause.Code);
        if (block == null || block->SecondPage == null) return Enter(rip);
        if (block->SecondPage != second)
        {
            _translations.DropOne(block);
            return Enter(rip);
        }

        _translations.BindSecondPage(block);
        return block->Body;
    }

    private static LinkTraits TraitsAt(byte* site) => (LinkTraits)site[6];

    /// <summary>A branch leads to code that checks each access alone.</summary>
    public static bool IsUnshared(byte* site) => (TraitsAt(site) & LinkTraits.Unshared) != 0;

    /// <summary>Makes a branch within a page lead to its target from now on.</summary>
    private byte* Link(byte* site)
    {
        int target = *(ushort*)site;
        int distance = *(int*)(site + 2);
        LinkTraits traits = TraitsAt(site);

        // In lockstep every block starts where the interpreter was tried.
        if (_check is not null && (traits & LinkTraits.Unshared) != 0) return InterpretAt(GuestRip.At(_cpu, site), InterpretationCause.Other);
        ulong rip = GuestRip.Truncate(_cpu, _cpu->PageRip + (ulong)target);
        if (IsStop(rip)) return BackAtStop(rip);
        _cpu->Rip = rip;
        _cpu->Leave = LeaveReason.NextBlock;
        if (!_code.TryLocate(rip, out _, out ulong gpa, out _)) return BackWithFault();
        byte* host = _mmu.HostFor(gpa, 1, out _);
        ulong flushes = _translations.Flushes;
        TranslatedBlock* block = host == null ? null : _finder.Find(host, rip, (traits & LinkTraits.Unshared) != 0 ? ExecutionMode.Unshared : 0);
        if (block == null || LeadsOut(block, rip)) return InterpretAt(rip, InterpretationCause.Code);
        if (_check is not null) return _check.Begin(block, rip);
        byte* code = block->Body;
        if ((traits & LinkTraits.Backwards) != 0 && !block->Polls)
        {
            if (block->LoopEntry == null) _translator.AddLoopEntry(block);
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
        if (_check is not null && !_check.AgreesAtAccess(GuestRip.At(_cpu, site + MissSite.Offset))) return null;
        ulong rip = GuestRip.At(_cpu, site + MissSite.Offset);
        switch (outcome)
        {
            case RefillOutcome.Filled or RefillOutcome.FilledAlone:
                return Enter(rip);
            case RefillOutcome.Fault when site[MissSite.Size] + 1 >= AlignedOperand:
                _cpu->Cr2 = cr2;
                return InterpretAt(rip, _counters.CauseOfMiss(reason, site));
            case RefillOutcome.Fault:
                _counters.TakeBackFault(rip);
                _cpu->Rip = rip;
                return BackWithFault();
            default:
                return InterpretAt(rip, _counters.CauseOfMiss(reason, site));
        }
    }

    /// <summary>Fills the TLB for an access that missed it.</summary>
    public RefillOutcome RefillFor(ExitReason reason, byte* site) =>
        _mmu.Refill(_cpu->MissAddress, site[MissSite.Size] + 1, reason == ExitReason.Write);

    /// <summary>Lets an access look into the TLB once more.</summary>
    /// <returns>Where to go on.</returns>
    public byte* MissAgain(byte* site)
    {
        // The way in loads the address where a target usually is.
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
        AllowMisses();
        ulong rip = GuestRip.At(_cpu, site + MissSite.Offset);
        if (_check is not null || elapsed.TotalMicroseconds >= LeastMicroseconds) return MissAgain(site);

        // As in a refill, the walk may empty slots that the block counts on, or set accessed bits in the page that runs.
        ulong forgotten = _mmu.PagesForgotten;
        ulong invalidations = _blocks.Invalidations;
        byte* host = _mmu.CanFetch(rip, out ulong gpa) ? _mmu.HostFor(gpa, 1, out _) : null;
        bool scattered = host != null && _translator.Scatter(host);
        if (scattered) _blocks.DropPage(host);
        return scattered || _mmu.PagesForgotten != forgotten || _blocks.Invalidations != invalidations ? Enter(rip) : MissAgain(site);
    }

    /// <summary>Executes an instruction that isn't translated, and counts it if that is wanted.</summary>
    /// <returns>As <see cref="Continue"/>.</returns>
    public byte* InterpretAt(ulong rip, InterpretationCause cause)
    {
        if (IsStop(rip)) return BackAtStop(rip);
        if (!_counters.IsDetailed) return Interpret(rip);
        Mnemonic mnemonic = _counters.Begin(rip, ref cause);
        return InterpretCounted(rip, mnemonic, cause);
    }

    /// <summary>Executes an instruction again whose accesses to devices were answered.</summary>
    /// <returns>As <see cref="Continue"/>.</returns>
    private byte* Finish(ulong rip)
    {
        if (!_counters.IsDetailed) return Interpret(rip);
        Mnemonic mnemonic = _counters.BeginAgain(rip, out InterpretationCause cause);
        return InterpretCounted(rip, mnemonic, cause);
    }

    private byte* InterpretCounted(ulong rip, Mnemonic mnemonic, InterpretationCause cause)
    {
        ulong executed = _cpu->Instructions;
        byte* next = Interpret(rip);
        if (_cpu->Instructions != executed) _counters.Add(mnemonic, cause);
        return next;
    }

    /// <summary>Executes one instruction that isn't translated, and goes on in translated code where nothing else is to be done first.</summary>
    private byte* Interpret(ulong rip)
    {
        _cpu->Rip = rip;
        _loaded.Unload();
        Op* op = _code.FindOne();
        if (op == null) return null;
        uint privilege = _cpu->Cpl;
        SingleOperation.Execute(_cpu, op);

        // A program that another engine wants: from its first instruction on.
        bool entersUser = _cpu->Cpl > privilege;
        if (entersUser) _cpu->UserEntries++;
        if ((entersUser && _cpu->NativeWanted != 0) || _cpu->Leave != LeaveReason.NextBlock || Volatile.Read(ref _cpu->PollAt) == 0 || !CpuModes.IsTranslated(_cpu->Mode) || DebugEvents.MustStep(_cpu) ||
            (_cpu->InterruptWaits != 0 && (_cpu->SystemFlags & Rflags.IF) != 0))
        {
            return null;
        }

        _loaded.FollowFloatTraps();
        _loaded.PackFlags();
        return !IsBranchTarget(_cpu->Rip) ? null : _check is not null ? Enter(_cpu->Rip) : _translations.EntryFor(_cpu->Rip);
    }

    /// <summary>Lets so many accesses go from their slots to the TLB before one is looked at.</summary>
    public void AllowMisses() => _cpu->MissBudget = MissesBetweenSamples;

    /// <inheritdoc/>
    public override void Dispose()
    {
        _translator.Dispose();
        _translations.Dispose();
    }
}
