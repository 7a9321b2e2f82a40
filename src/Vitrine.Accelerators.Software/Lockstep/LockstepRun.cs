using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.Translator;
using Vitrine.Accelerators.Software.Translator.Listing;
using Vitrine.Accelerators.Statistics;
using Vitrine.Accelerators.Translation;

namespace Vitrine.Accelerators.Software.Lockstep;

/// <summary>
/// Lockstep: before a translated block runs, the interpreter tries the same instructions with its writes kept apart; where translated code leaves the block both
/// must have come to the same.
/// </summary>
internal sealed unsafe class LockstepRun : IBlockCheck
{
    // SAFETY: the state is that of the vCPU that owns this object; blocks are the engine's, and stay until its cache is flushed.
    private readonly CpuState* _cpu;
    private readonly SoftMmu _mmu;
    private readonly CodeFinder _code;
    private readonly VcpuExit _exit;
    private readonly TranslatorEngine _engine;
    private readonly TranslationCache _translations;
    private readonly BlockTranslator _translator;
    private readonly Trail _trail = new();
    private readonly WriteOverlay _overlay = new();
    private readonly WriteWatch _watch = new();
    private readonly MemoryComparison _memoryComparison;
    private readonly FlagEffects _flagEffects = new();
    private TranslatedBlock* _alone;

    /// <summary>Compares the blocks of an engine from now on.</summary>
    public LockstepRun(CpuState* cpu, SoftMmu mmu, CodeFinder code, VcpuExit exit, TranslatorEngine engine)
    {
        _cpu = cpu;
        _mmu = mmu;
        _code = code;
        _exit = exit;
        _engine = engine;
        _translations = engine.Translations;
        _translator = engine.Translator;
        _memoryComparison = new MemoryComparison(_overlay, _watch);
        mmu.WatchWrites(_watch);
        engine.CheckBlocks(this);
    }

    /// <inheritdoc/>
    public TranslatedBlock* Block => _alone;

    /// <summary>Where the engines differed; null when they agreed so far.</summary>
    public LockstepDifference? Difference { get; private set; }

    /// <summary>Blocks that agreed so far.</summary>
    public ulong Compared { get; private set; }

    /// <summary>Called before each block runs. What it asks the vCPU for comes at once: an interrupt before the block's first instruction. For tests.</summary>
    public Action? BeforeBlock { get; set; }

    /// <summary>Another state was put: what was found is over.</summary>
    public void Clear() => Difference = null;

    /// <summary>Leaves with the difference.</summary>
    public void Leave() => _exit.ForDifference(Difference!.Rip);

    /// <inheritdoc/>
    public byte* Begin(TranslatedBlock* block, ulong rip)
    {
        if (block->Entry == null) _translator.AddEntry(block, isGlobal: false);
        _translations.Bind(block, rip);
        _translations.ForgetBranch(rip);
        _cpu->Rip = rip;
        _alone = block;
        bool complete = TryBlock(block);
        if (_engine.HostFaults.Fault is not null)
        {
            // A stub has raised a signal in the interpreter's try.
            _engine.HostFaults.Leave();
            return null;
        }

        BeforeBlock?.Invoke();
        return complete ? block->Entry : EnterPart(block, rip);
    }

    /// <summary>
    /// Prepares the run of a block's first instructions, as many as the interpreter has completed. The next one needs a walk of the page tables, and begins a part of
    /// its own: those before it may have written to the tables, or read them.
    /// </summary>
    private byte* EnterPart(TranslatedBlock* block, ulong rip)
    {
        if (!_translations.HasRoom) return _engine.InterpretAt(rip, InterpretationCause.Other);
        _cpu->PageRip = GuestRip.Truncate(_cpu, rip - ((ulong)block->Guest & 0xFFF));
        return _translator.Preview.WriteFirst(block->Guest, block->Mode, _trail.Length);
    }

    /// <inheritdoc/>
    public bool AgreesAt(ExitReason reason, byte* site) => reason switch
    {
        // Whether a miss leaves the block, its answer tells; the others never do.
        ExitReason.Read or ExitReason.Write or ExitReason.Sample => true,
        ExitReason.X87 or ExitReason.SecondPage => true,
        ExitReason.Lookup => Agrees(_cpu->Rip, 0),
        ExitReason.Link when TranslatorEngine.IsUnshared(site) => AgreesAtAccess(GuestRip.At(_cpu, site)),
        _ => Agrees(GuestRip.At(_cpu, site), 0),
    };

    /// <inheritdoc/>
    public bool AgreesAtAccess(ulong rip)
    {
        // Flags that every way on overwrites are not kept up to date for it.
        int instruction = 0;
        while (instruction < _trail.Length && _trail.After(instruction).Rip != rip) instruction++;
        RflagsBits kept = _translator.Preview.WantedFlags(_alone->Guest, _alone->SecondPage, _alone->Mode, instruction);
        return Agrees(rip, ~kept);
    }

    /// <summary>Runs the instructions of a block in the interpreter, and puts everything back as it was.</summary>
    /// <returns>False when an instruction behind the first one needs a walk of the page tables.</returns>
    private bool TryBlock(TranslatedBlock* block)
    {
        Trail trail = _trail;
        _engine.Loaded.Unload();
        trail.Begin(_cpu);
        _watch.Forget();
        _overlay.Clear();
        ulong poll = Interlocked.Exchange(ref _cpu->PollAt, CpuState.Never);
        ReadOnlySpan<FlagEffect> effects = _flagEffects.Of(block, _translations.Flushes, _translator.DecoderOptions);
        _mmu.BeginTrial(_overlay);
        while (trail.Length < block->Instructions)
        {
            _overlay.Instruction = trail.Length;
            Op* op = _code.FindOne();
            if (op == null) break;
            _cpu->BlockRip = _cpu->Rip;
            ulong expected = Faults.NextRip(_cpu, op);
            ulong executed = _cpu->Instructions;
            Op* next = op->Handler(_cpu, op);

            // A branch whose target can't be fetched is complete all the same.
            bool completed = next != null || _cpu->Leave == LeaveReason.NextBlock || _cpu->Instructions != executed;
            if (_overlay.Refused || !completed) break;
            if (next == op + 1) _cpu->Rip = expected;
            else if (next != null) _cpu->Rip = _cpu->BlockRip;
            trail.Add(_cpu, effects[trail.Length]);
            if (_cpu->Rip != expected) break;
        }

        trail.Restore(_cpu);
        _mmu.EndTrial();
        _cpu->Leave = LeaveReason.NextBlock;
        Interlocked.CompareExchange(ref _cpu->PollAt, poll, CpuState.Never);
        return !_overlay.NeedsWalk;
    }

    /// <summary>Compares the state at a boundary with what the interpreter had there.</summary>
    private bool Agrees(ulong rip, RflagsBits ignored)
    {
        _engine.Loaded.Unload();
        _watch.Close();
        _cpu->Rip = rip;
        RegisterImage now = default;
        RegisterImage.Save(_cpu, ref now);
        Trail trail = _trail;
        int closest = -1;
        for (int i = trail.Length; i >= 0; i--)
        {
            if (trail.After(i).Rip != rip) continue;
            if (Agree(in now, i, ignored, null))
            {
                if (i > 0) Compared++;
                _watch.Forget();
                return true;
            }

            if (closest < 0) closest = i;
        }

        StopAtDifference(in now, closest, ignored);
        return false;
    }

    private bool Agree(in RegisterImage now, int instructions, RflagsBits ignored, List<ValueDifference>? differences)
    {
        Trail trail = _trail;
        bool registers = ImageComparison.Agree(in trail.Before, in now, in trail.After(instructions), ignored | trail.Undefined(instructions), differences);
        return (registers || differences != null) & _memoryComparison.Agree(instructions, differences) && registers;
    }

    private void StopAtDifference(in RegisterImage now, int closest, RflagsBits ignored)
    {
        Trail trail = _trail;
        List<ValueDifference> differences = [];
        if (closest >= 0) Agree(in now, closest, ignored, differences);
        (ulong? suspect, string reason) = FindSuspect(now.Rip);
        UndoBlock();
        BlockLister lister = new(_translator.Preview, _translations.Stubs);
        Difference = new LockstepDifference
        {
            BlockRip = trail.Before.Rip,
            Rip = now.Rip,
            BlocksCompared = Compared,
            InterpreterPath = trail.Path(),
            Differences = differences,
            SuspectRip = suspect,
            Reason = reason,
            Before = ImageComparison.Registers(in trail.Before),
            Listing = lister.List(_alone->Guest, _alone->SecondPage, _alone->Mode, trail.Before.Rip)!,
        };
        Leave();
    }

    /// <summary>Makes registers and memory what they were before the block.</summary>
    private void UndoBlock()
    {
        _watch.Close();
        _watch.Undo();
        _trail.Restore(_cpu);
        _mmu.RefreshMode();
    }

    /// <summary>
    /// Translates and runs ever more of the block, until its state differs from the interpreter's: the last instruction is the one.
    /// </summary>
    private (ulong? Rip, string Reason) FindSuspect(ulong found)
    {
        Trail trail = _trail;
        if (!_translations.HasRoom || _alone->SecondPage != null) return (trail.Before.Rip, "it is the block's only one, or there is no room to try its parts.");
        ulong poll = Interlocked.Exchange(ref _cpu->PollAt, CpuState.Never);
        try
        {
            for (int count = 1; count <= trail.Length; count++)
            {
                UndoBlock();
                RegisterImage now = default;
                if (RunFirst(count) is not { } rip) return (trail.After(count - 1).Rip, "its code raises a signal in the host.");
                _cpu->Rip = rip;
                RegisterImage.Save(_cpu, ref now);
                if (Agree(in now, count, 0, null)) continue;
                return (trail.After(count - 1).Rip, "translated alone the instructions before it agree with the interpreter, and with it they don't.");
            }
        }
        finally
        {
            Interlocked.CompareExchange(ref _cpu->PollAt, poll, CpuState.Never);
        }

        return Array.IndexOf(trail.Path(), found) < 0 && trail.Length < _alone->Instructions
            ? (trail.Last.Rip, "the interpreter does not complete it, and translated code went on.")
            : (null, "the block's beginnings agree, however long; what comes behind an instruction changes its translation.");
    }

    /// <summary>Translates the first instructions of the block and runs them.</summary>
    /// <returns>RIP behind them, with the state unloaded; null when one raises a signal in the host.</returns>
    private ulong? RunFirst(int count)
    {
        byte* code = _translator.Preview.WriteFirst(_alone->Guest, _alone->Mode, count);
        _cpu->PageRip = GuestRip.Truncate(_cpu, _cpu->Rip - ((ulong)_alone->Guest & 0xFFF));
        _engine.Loaded.PackFlags();
        while (true)
        {
            ExitReason reason = (ExitReason)_translations.Stubs.Enter(_cpu, code);
            byte* site = _cpu->ExitSite;
            if (reason == ExitReason.HostFault)
            {
                _cpu->Signal = default;
                _engine.Loaded.Unload();
                _watch.Close();
                return null;
            }

            if (reason == ExitReason.X87)
            {
                code = _engine.Loaded.LoadX87(site);
                continue;
            }

            bool miss = reason is ExitReason.Read or ExitReason.Write or ExitReason.Sample;
            if (reason == ExitReason.Sample) _engine.AllowMisses();
            if (reason == ExitReason.Sample || (miss && _engine.RefillFor(reason, site) == RefillOutcome.Filled))
            {
                code = _engine.MissAgain(site);
                continue;
            }

            ulong rip = reason == ExitReason.Lookup ? _cpu->Rip : GuestRip.At(_cpu, miss ? site + MissSite.Offset : site);
            _engine.Loaded.Unload();
            _watch.Close();
            return rip;
        }
    }
}
