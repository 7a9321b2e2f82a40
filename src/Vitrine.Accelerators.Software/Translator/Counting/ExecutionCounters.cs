using System.Diagnostics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Statistics;
using Decoder = Iced.Intel.Decoder;

namespace Vitrine.Accelerators.Software.Translator.Counting;

/// <summary>What happens while translated code runs: exits always, the instructions in between when that is wanted. Written by the vCPU's thread, read by any.</summary>
internal sealed unsafe class ExecutionCounters
{
    // SAFETY: the state is that of the vCPU that owns this object; bytes of an instruction are copied to a buffer of the longest one's length.
    private static readonly ExitReason[] s_exitReasons = Enum.GetValues<ExitReason>();

    private readonly CpuState* _cpu;
    private readonly SoftMmu _mmu;
    private readonly CodeFinder _code;
    private readonly BlockTranslator _translator;
    private readonly PageCodeReader _codeReader = new();
    private readonly ulong[] _exits = new ulong[s_exitReasons.Length];
    private readonly InterpreterProfile? _profile;

    /// <summary>Counters at zero.</summary>
    public ExecutionCounters(CpuState* cpu, SoftMmu mmu, CodeFinder code, BlockTranslator translator, bool detailed)
    {
        _cpu = cpu;
        _mmu = mmu;
        _code = code;
        _translator = translator;
        if (detailed) _profile = new InterpreterProfile();
    }

    /// <summary>Interpreted instructions are counted, and translated code counts what it does.</summary>
    public bool IsDetailed => _profile is not null;

    /// <summary>A counter that translated code itself counts in.</summary>
    public ulong Value(TranslationCounter counter) => Volatile.Read(ref _cpu->Counters[(int)counter]);

    /// <summary>Translated code was left.</summary>
    public void Add(ExitReason reason) => _exits[(int)reason]++;

    /// <summary>An instruction was interpreted, see <see cref="Begin"/>.</summary>
    public void Add(Mnemonic mnemonic, InterpretationCause cause) => _profile!.Add(mnemonic, cause);

    /// <summary>An instruction is about to be interpreted.</summary>
    /// <param name="rip">Where it is.</param>
    /// <param name="cause">Why; afterwards as exactly as can be told.</param>
    /// <returns>Which it is.</returns>
    public Mnemonic Begin(ulong rip, ref InterpretationCause cause)
    {
        Instruction instruction = InstructionAt(rip);
        if (cause == InterpretationCause.NotTranslated && _translator.CanTranslateAlone(in instruction, _cpu->Mode)) cause = InterpretationCause.Operands;
        TakeBackBranch(in instruction, cause);
        return instruction.Mnemonic;
    }

    /// <summary>An instruction is about to be interpreted again, whose accesses were answered by devices. Translated code has not begun it.</summary>
    /// <param name="rip">Where it is.</param>
    /// <param name="cause">Why.</param>
    /// <returns>Which it is.</returns>
    public Mnemonic BeginAgain(ulong rip, out InterpretationCause cause)
    {
        Instruction instruction = InstructionAt(rip);
        cause = _translator.CanTranslateAlone(in instruction, _cpu->Mode) ? InterpretationCause.Device : InterpretationCause.NotTranslated;
        return instruction.Mnemonic;
    }

    /// <summary>An instruction of translated code has raised a fault.</summary>
    public void TakeBackFault(ulong rip)
    {
        if (_profile is null) return;
        Instruction instruction = InstructionAt(rip);
        TakeBackBranch(in instruction, InterpretationCause.Other);
    }

    /// <summary>Why an access that missed the TLB has to be interpreted.</summary>
    public InterpretationCause CauseOfMiss(ExitReason reason, byte* site) => _profile is null
        ? InterpretationCause.Other
        : _mmu.CauseOf(_cpu->MissAddress, site[MissSite.Size] + 1, reason == ExitReason.Write);

    /// <summary>All counters of the engine.</summary>
    /// <param name="translations">The translations.</param>
    /// <param name="compared">Blocks that were compared and agreed.</param>
    public TranslationStatistics Statistics(TranslationCache translations, ulong compared) => new()
    {
        Blocks = translations.Translated,
        Instructions = translations.TranslatedInstructions,
        GuestBytes = translations.GuestBytes,
        HostBytes = translations.HostBytes - _translator.CounterBytes,
        CounterBytes = _translator.CounterBytes,
        CodeBytesInUse = translations.Used,
        CodeBytesCommitted = translations.Committed,
        CodeBytesReserved = translations.Reserved,
        TimesFull = translations.TimesFull,
        BlocksDroppedWhenFull = translations.DroppedWhenFull,
        TimesReleased = translations.TimesReleased,
        BranchTableEntries = (ulong)translations.Branches,
        BlocksCompared = compared,
        Exits = [.. s_exitReasons.Where(reason => reason != ExitReason.HostFault).Select(Exits)],
        Time = TimeSpan.FromSeconds((double)_translator.Ticks / Stopwatch.Frequency),
        BlocksRun = Value(TranslationCounter.Blocks),
        InstructionsRun = Value(TranslationCounter.Instructions),
        TlbAccesses = Value(TranslationCounter.TlbAccesses),
        StackAccesses = Value(TranslationCounter.StackAccesses),
        StackPageChanges = Value(TranslationCounter.StackPageChanges),
        TableBranches = Value(TranslationCounter.TableBranches),
        Interpreted = _profile?.Counts() ?? [],
    };

    private ExitCount Exits(ExitReason reason) => new(reason.ToString().ToLowerInvariant(), _exits[(int)reason]);

    /// <summary>Translated code counts a branch before the access that it makes: here it has not been executed after all.</summary>
    private void TakeBackBranch(in Instruction instruction, InterpretationCause cause)
    {
        bool begun = cause is not (InterpretationCause.NotTranslated or InterpretationCause.Code);
        if (begun && instruction.FlowControl != FlowControl.Next) _cpu->Counters[(int)TranslationCounter.Instructions]--;
    }

    /// <summary>The instruction at a RIP, for telling of it. Invalid when it can't be fetched.</summary>
    private Instruction InstructionAt(ulong rip)
    {
        byte* bytes = stackalloc byte[CodeFinder.MaxLength];
        _codeReader.Start(bytes, _code.CopyInstruction(rip, bytes));
        return Decoder.Create((_cpu->Mode & ExecutionMode.Code64) != 0 ? 64 : 32, _codeReader, _translator.DecoderOptions).Decode();
    }
}
