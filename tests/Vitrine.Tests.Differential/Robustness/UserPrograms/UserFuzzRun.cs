using System.Globalization;
using System.Text;
using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Statistics;
using Vitrine.Tests.Differential;
using Vitrine.X86.Exceptions;

namespace Vitrine.Tests.Robustness.UserPrograms;

/// <summary>
/// The same random user programs on the interpreter and on the translator: memory, registers and the exception that ends each must be the same.
/// Programs of a batch share code, which they may change, and data; some start where an earlier one has, on code that is translated by then.
/// </summary>
internal sealed class UserFuzzRun : IDisposable
{
    /// <summary>Programs in a batch.</summary>
    public const int BatchSize = 64;

    private const int MostReports = 10;
    private const ulong MostInstructions = 20_000;
    private const int FewMilliseconds = 20;
    private const int ManyMilliseconds = 10_000;

    private readonly UserMachine _interpreter;
    private readonly UserMachine _translator;
    private readonly UserMachine _tracer;
    private readonly bool _native;
    private readonly Disturbance? _disturbance;
    private readonly LoopWatch _watch;
    private readonly byte[] _before = new byte[UserMachine.UserSize];
    private readonly ulong[] _breakpoints = new ulong[5];
    private readonly List<ulong> _starts = [];
    private readonly HashSet<Code> _reported = [];
    private readonly Random _choices = new(1);
    private int _batch;

    /// <summary>A run.</summary>
    /// <param name="watch">Ends what doesn't end.</param>
    /// <param name="userCode">What runs user code on the machine that is compared with the interpreter.</param>
    /// <param name="mmu">How that machine translates addresses; null for the usual.</param>
    /// <param name="changes">The engines take turns within a program.</param>
    public UserFuzzRun(LoopWatch watch, UserCode userCode = UserCode.Translated, MmuMode? mmu = null, bool changes = false)
    {
        _watch = watch;
        _native = userCode != UserCode.Translated;
        _interpreter = new UserMachine(SoftwareEngine.Interpreter, flat: _native);

        // So small that it is full now and then.
        _translator = new UserMachine(SoftwareEngine.Translator, translationBytes: 256 << 10, userCode, mmu, flat: _native, changes ? Choose : null);
        _tracer = new UserMachine(SoftwareEngine.Interpreter, flat: _native);
        if (changes) _disturbance = new Disturbance(_translator.Vcpu);
    }

    /// <summary>Programs that were compared.</summary>
    public long Compared { get; private set; }

    /// <summary>Programs that the interpreter didn't end by itself.</summary>
    public long Endless { get; private set; }

    /// <summary>Programs whose outcome the manual doesn't decide.</summary>
    public long Open { get; private set; }

    /// <summary>Programs by the vector that ended them.</summary>
    public long[] Ends { get; } = new long[256];

    /// <summary>Blocks that were translated.</summary>
    public ulong Translated => _translator.Vcpu.TranslatorEngine!.Translations.Translated;

    /// <summary>How often the code cache was full.</summary>
    public ulong Flushes => _translator.Vcpu.TranslatorEngine!.Translations.Flushes;

    /// <summary>Disagreements, one for each last instruction.</summary>
    public List<string> Reports { get; } = [];

    /// <summary>What native user mode has done.</summary>
    public NativeStatistics? Native => _translator.Vcpu.Statistics.Native;

    /// <summary>Programs that the translator ended only when it had more time.</summary>
    public long Slow { get; private set; }

    /// <summary>Where a program is that even a kick doesn't end.</summary>
    public string Position() => $"batch {_batch}; interpreter: {_interpreter.Position()}; translator: {_translator.Position()}";

    /// <summary>Runs a batch.</summary>
    public void Batch(int number, Random random)
    {
        if (Reports.Count >= MostReports) return;
        _batch = number;
        CaseRandom cases = new((ulong)random.NextInt64());
        bool is64 = _native || !cases.OneIn(4);
        Span<byte> memory = _interpreter.Memory;
        UserCodeFill.Fill(random, memory[..UserMachine.CodeSize], is64);
        for (int i = UserMachine.CodeSize; i < memory.Length; i += 8) BitConverter.TryWriteBytes(memory[i..], cases.Lanes());
        memory.CopyTo(_translator.Memory);
        SetBreakpoints(cases);
        _starts.Clear();
        _interpreter.Begin(_breakpoints);
        _translator.Begin(_breakpoints);
        MachineImage start = default;
        for (int i = 0; i < BatchSize; i++)
        {
            UserStart.Create(cases, ref start, is64);
            start.Rip = Start(cases);
            if (_native && cases.OneIn(4)) ChangeTables(cases);
            Compare(ref start);
        }
    }

    public void Dispose()
    {
        _disturbance?.Dispose();
        _interpreter.Dispose();
        _translator.Dispose();
        _tracer.Dispose();
    }

    private bool Choose() => _choices.Next(8) != 0;

    private ulong Start(CaseRandom cases)
    {
        if (_starts.Count > 0 && cases.OneIn(2)) return _starts[cases.Below(_starts.Count)];
        ulong start = (cases.OneIn(4) ? UserMachine.CodeAlias : UserMachine.Code) + (ulong)cases.Below(UserMachine.CodeSize);
        _starts.Add(start);
        return start;
    }

    /// <summary>The kernel takes a right from a page, takes it away, puts another one there, or gives everything back.</summary>
    private void ChangeTables(CaseRandom cases)
    {
        ulong linear = cases.Below(4) switch
        {
            0 => UserMachine.Code + ((ulong)cases.Below(4) << 12),
            1 => UserMachine.CodeAlias + ((ulong)cases.Below(4) << 12),
            2 => UserMachine.CodeView + ((ulong)cases.Below(4) << 12),
            _ => UserMachine.Data + ((ulong)cases.Below(5) << 12),
        };
        ulong entry = _interpreter.Entry(linear);
        entry = cases.Below(8) switch
        {
            0 => entry & ~UserKernel.Writable,
            1 => entry & ~UserKernel.Present,
            2 => entry & ~UserKernel.User,
            3 => entry ^ UserKernel.NoExecute,
            4 => entry ^ 0x1000,
            5 => entry & ~UserKernel.AccessedDirty,
            _ => entry | UserKernel.Present | UserKernel.User | UserKernel.Writable,
        };
        bool everything = cases.OneIn(4);
        foreach (UserMachine machine in (ReadOnlySpan<UserMachine>)[_interpreter, _translator, _tracer]) machine.ChangeEntry(linear, entry, everything);
    }

    private void SetBreakpoints(CaseRandom cases)
    {
        const ulong Fixed = 0x400;
        for (int i = 0; i < 4; i++)
            _breakpoints[i] = cases.OneIn(2) ? UserMachine.Code + (ulong)cases.Below(UserMachine.CodeSize) : UserMachine.Data + (ulong)cases.Below(UserMachine.DataSize);
        _breakpoints[4] = Fixed;
        if (!cases.OneIn(8)) return;
        for (int i = 0; i < 4; i++)
        {
            // Instructions, writes, or reads and writes, of up to eight bytes; one byte only for instructions (SDM vol. 3, 17.2.4).
            ulong kind = cases.Pick<ulong>([0, 1, 3]);
            ulong length = kind == 0 ? 0 : (ulong)cases.Below(4);
            _breakpoints[4] |= (1UL << (2 * i)) | (kind << (16 + (4 * i))) | (length << (18 + (4 * i)));
        }
    }

    private void Compare(ref MachineImage start)
    {
        _interpreter.Memory.CopyTo(_before);
        _watch.BeginCounted(_interpreter.Vcpu, MostInstructions);
        if (!Run(_interpreter, ref start))
        {
            Endless++;
            Reset();
            return;
        }

        if (!RunTranslator(ref start, FewMilliseconds))
        {
            JudgeLoop(ref start);
            return;
        }

        Ends[_interpreter.Outcome.Vector]++;
        List<string> differences = _interpreter.Differences(_translator);
        ulong flags = _interpreter.Outcome.Rflags ^ _translator.Outcome.Rflags;
        if (differences.Count > 0 || flags != 0)
        {
            Judge(ref start, differences, flags);
            return;
        }

        Compared++;
        if (!_interpreter.HasLoadedSegments()) return;
        _interpreter.Begin(_breakpoints);
        _translator.Begin(_breakpoints);
    }

    // It doesn't count instructions, so time has to end its loops.
    private bool RunTranslator(ref MachineImage start, int milliseconds)
    {
        _watch.Begin(_translator.Vcpu, milliseconds);
        return Run(_translator, ref start);
    }

    private bool Run(UserMachine machine, ref MachineImage start)
    {
        bool ended = machine.Run(ref start);
        _watch.End();
        return ended;
    }

    /// <summary>The interpreter has ended it: whether the translator may loop depends on flags that the manual leaves undefined.</summary>
    private void JudgeLoop(ref MachineImage start)
    {
        List<TraceStep> trace = Trace(ref start);
        bool isOpen = Verdict.Of(trace, _tracer).IsOpen || (_native && IsHosts(trace));
        Reset();
        if (isOpen) Open++;
        else if (RunTranslator(ref start, ManyMilliseconds)) Slow++;
        else Report(Describe(ref start, ["the translator never ends it"], trace, default), trace[^1].Instruction.Code);
        Reset();
    }

    private List<TraceStep> Trace(ref MachineImage start)
    {
        _before.CopyTo(_tracer.Memory);
        _tracer.Begin(_breakpoints);
        return _tracer.Trace(ref start);
    }

    private void Judge(ref MachineImage start, List<string> differences, ulong flags)
    {
        List<TraceStep> trace = Trace(ref start);
        Verdict verdict = Verdict.Of(trace, _tracer);
        if (verdict.IsOpen || (_native && IsHosts(trace)) || OverwroteItself(trace)) Open++;
        else if (differences.Count > 0 || (flags & ~verdict.Flags) != 0) Report(Describe(ref start, differences, trace, verdict), trace[^1].Instruction.Code);
        else Compared++;
        Reset();
    }

    /// <summary>
    /// A repeated string instruction may overwrite itself. When it is stepped it is fetched anew for each round, and so goes another way than the run, of
    /// which the trace then says nothing.
    /// </summary>
    private bool OverwroteItself(List<TraceStep> trace) =>
        trace.Exists(static step => step.Instruction.IsStringInstruction && (step.Instruction.HasRepPrefix || step.Instruction.HasRepnePrefix)) &&
        (_interpreter.Differences(_tracer).Count > 0 || _interpreter.Outcome.Rflags != _tracer.Outcome.Rflags);

    /// <summary>The host's processor has executed what the guest's doesn't announce, or what processors of its vendor do in their own way.</summary>
    private bool IsHosts(List<TraceStep> trace)
    {
        ref MachineImage host = ref _translator.Outcome;
        ref MachineImage software = ref _interpreter.Outcome;
        if (software.Vector == ExceptionVector.UD || trace.Count == 0) return true;
        List<Instruction> instructions = [.. trace.Select(static step => step.Instruction)];
        foreach (Instruction instruction in instructions)
        {
            if (VendorDifferences.Applies(instruction, _tracer.Bytes(instruction), is64: true) || instruction.Code == Code.INVALID) return true;
            if (VendorDifferences.FreeStateBytes(instruction).Length > 0 || VendorDifferences.HasFreeFaultAddress(instruction)) return true;
            if (VendorDifferences.HasFreeX87AtFault(instruction) && !VendorDifferences.IsMmxStore(instruction)) return true;

            // Behind a fault of the host's own, AMD pushes RF as it is.
            if (instruction.Mnemonic is Mnemonic.Pushf or Mnemonic.Pushfq) return true;
            if (instruction.Mnemonic is Mnemonic.Fxrstor or Mnemonic.Fxrstor64 or Mnemonic.Ldmxcsr) return true;
        }

        // A fault ends a program.
        if (VendorDifferences.IsMmxStore(instructions[^1])) return true;
        return VendorDifferences.AppliesTo(instructions, ref host, ref software) || VendorDifferences.AppliesTo(instructions[^1], _tracer.Bytes(instructions[^1]), ref host, ref software);
    }

    private void Report(string text, Code last)
    {
        if (_reported.Add(last)) Reports.Add(text);
    }

    private void Reset()
    {
        _before.CopyTo(_interpreter.Memory);
        _before.CopyTo(_translator.Memory);
        _interpreter.Begin(_breakpoints);
        _translator.Begin(_breakpoints);
    }

    private string Describe(ref MachineImage start, List<string> differences, List<TraceStep> trace, Verdict verdict)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        StringBuilder text = new();
        text.AppendLine(culture, $"batch {_batch}: {OutcomeComparison.Exception(ref _interpreter.Outcome)} at {_interpreter.Outcome.Rip:x} and {OutcomeComparison.Exception(ref _translator.Outcome)} at {_translator.Outcome.Rip:x}");
        text.AppendLine(culture, $"flags {_interpreter.Outcome.Rflags:x} and {_translator.Outcome.Rflags:x}, of which {verdict.Flags:x} may differ");
        foreach (string difference in differences) text.AppendLine(difference);

        // Of a repeated string instruction the last round is enough.
        IEnumerable<Instruction> path = trace.Where((step, i) => i == trace.Count - 1 || step.Instruction.IP != trace[i + 1].Instruction.IP).Select(step => step.Instruction);
        foreach (Instruction instruction in path.TakeLast(40)) text.AppendLine(culture, $"  {instruction.IP:x} {instruction}    [{instruction.Code}]");
        for (int i = 0; i < 16; i++) text.Append(culture, $" {Register.RAX + i}={start.General(i):x}");
        text.AppendLine(culture, $" RFLAGS={start.Rflags:x} MXCSR={start.Mxcsr:x} FCW={start.ControlWord:x} FSW={start.StatusWord:x} DR7={_breakpoints[4]:x}");
        return text.ToString();
    }
}
