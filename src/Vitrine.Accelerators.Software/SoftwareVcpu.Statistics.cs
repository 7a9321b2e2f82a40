using System.Diagnostics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Translator;
using Vitrine.Accelerators.Software.Translator.Counting;
using Vitrine.Accelerators.Statistics;

namespace Vitrine.Accelerators.Software;

/// <content>What the vCPU counts.</content>
internal sealed unsafe partial class SoftwareVcpu
{
    // SAFETY: as in the main part; counters are only read by other threads.
    private static readonly ExitReason[] s_exitReasons = Enum.GetValues<ExitReason>();

    private readonly ulong[] _exits = new ulong[s_exitReasons.Length];
    private readonly InterpreterProfile? _profile;

    /// <inheritdoc/>
    public CpuStatistics Statistics => new()
    {
        Engine = Translates ? "translator" : "interpreter",
        IsDetailed = _profile is not null,
        InterpretedInstructions = Volatile.Read(ref _cpu->Instructions),
        DecodedBlocks = _blocks.Decoded,
        Invalidations = _blocks.Invalidations,
        CacheFlushes = _blocks.Flushes,
        DecodedFlushes = _blocks.DecodedFlushes,
        Translation = Translates ? TranslationStatistics() : null,
        Mmu = _mmu.Mode,
        MmuCounters = _mmu.Counters,
    };

    private TranslationStatistics TranslationStatistics() => new()
    {
        Blocks = _translations!.Translated,
        Instructions = _translations.TranslatedInstructions,
        GuestBytes = _translations.GuestBytes,
        HostBytes = _translations.HostBytes - _translator!.CounterBytes,
        CounterBytes = _translator.CounterBytes,
        CodeBytesInUse = _translations.Used,
        CodeBytesCommitted = _translations.Committed,
        CodeBytesReserved = _translations.Reserved,
        TimesFull = _translations.TimesFull,
        BlocksDroppedWhenFull = _translations.DroppedWhenFull,
        TimesReleased = _translations.TimesReleased,
        BranchTableEntries = (ulong)_translations.Branches,
        BlocksCompared = Compared,
        Exits = [.. s_exitReasons.Where(reason => reason != ExitReason.HostFault).Select(reason => new ExitCount(reason.ToString().ToLowerInvariant(), _exits[(int)reason]))],
        Time = TimeSpan.FromSeconds((double)_translator.Ticks / Stopwatch.Frequency),
        BlocksRun = CounterValue(TranslationCounter.Blocks),
        InstructionsRun = CounterValue(TranslationCounter.Instructions),
        TlbAccesses = CounterValue(TranslationCounter.TlbAccesses),
        StackAccesses = CounterValue(TranslationCounter.StackAccesses),
        StackPageChanges = CounterValue(TranslationCounter.StackPageChanges),
        TableBranches = CounterValue(TranslationCounter.TableBranches),
        Interpreted = _profile?.Counts() ?? [],
    };

    private ulong CounterValue(TranslationCounter counter) => Volatile.Read(ref _cpu->Counters[(int)counter]);

    /// <summary>Executes an instruction that isn't translated, and counts it if that is wanted.</summary>
    private byte* InterpretAt(ulong rip, InterpretationCause cause)
    {
        if (_profile is null) return Interpret(rip);
        Instruction instruction = InstructionAt(rip);
        if (cause == InterpretationCause.NotTranslated && _translator!.CanTranslateAlone(in instruction, _cpu->Mode)) cause = InterpretationCause.Operands;
        TakeBackBranch(in instruction, cause);
        ulong executed = _cpu->Instructions;
        byte* next = Interpret(rip);
        if (_cpu->Instructions != executed) _profile.Add(instruction.Mnemonic, cause);
        return next;
    }

    /// <summary>Translated code counts a branch before the access that it makes: here it has not been executed after all.</summary>
    private void TakeBackBranch(in Instruction instruction, InterpretationCause cause)
    {
        bool begun = cause is not (InterpretationCause.NotTranslated or InterpretationCause.Code);
        if (begun && instruction.FlowControl != FlowControl.Next) _cpu->Counters[(int)TranslationCounter.Instructions]--;
    }

    private void CountFault(ulong rip)
    {
        if (_profile is null) return;
        Instruction instruction = InstructionAt(rip);
        TakeBackBranch(in instruction, InterpretationCause.Other);
    }

    private InterpretationCause CauseOfMiss(ExitReason reason, byte* site) => _profile is null
        ? InterpretationCause.Other
        : _mmu.CauseOf(_cpu->MissAddress, site[MissSite.Size] + 1, reason == ExitReason.Write);
}
