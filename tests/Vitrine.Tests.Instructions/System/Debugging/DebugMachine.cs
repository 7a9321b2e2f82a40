using Vitrine.Accelerators;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Debugging;

/// <summary>
/// Runs programs of a few instructions whose every event is noted. A handler says its vector on a port, clears DR6 and returns. #DB has a stack of its own in
/// 64-bit mode, as in kernels: a second one at the first instruction of its own handler would never end.
/// </summary>
internal sealed class DebugMachine : IDisposable
{
    public const ulong Start = M.Code;
    public const ulong SystemCall = 0x5000;
    public const ulong SystemEnter = 0x5100;

    private const ushort Code64 = 0x60;
    private const ushort Code32 = 0x70;
    private const byte SystemCallPort = 0x50;
    private const byte SystemEnterPort = 0x51;
    private const byte EndPort = 0x52;
    private const ulong DebugStack = 0x6800;
    private const ulong KernelStack = 0x6F00;
    private const ulong UserStack = 0xEF00;

    // No page, and no selector in its low half.
    public const ulong Nowhere = 0x5_1000;
    private const int MostEvents = 60;
    private const ulong MostInstructions = 1000;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly M _machine;
    private readonly bool _is64;
    private readonly ProcessorState _seen = new();

    public DebugMachine(SoftwareEngine engine, bool is64, int level)
    {
        _machine = new M(is64 ? PagingMode.FourLevel : PagingMode.Bits32, engine: engine);
        _is64 = is64;
        Level = level;
        if (level == 3) _machine.User();
        Install();
    }

    /// <summary>The program's privilege level.</summary>
    public int Level { get; }

    /// <summary>Where the handler of a vector begins.</summary>
    public static ulong Handler(byte vector) => M.Handlers + (vector * 16ul);

    /// <summary>Runs a program.</summary>
    /// <param name="program">Its instructions.</param>
    /// <param name="ending">The one that the instruction breakpoint stands at.</param>
    /// <param name="armed">Breakpoints as bits of DR6, and <see cref="Dr6.BS"/> for TF.</param>
    public List<DebugEvent> Run(DebugInstruction[] program, int ending, ulong armed)
    {
        Load(program, ending, armed);
        List<DebugEvent> events = [];
        SoftwareVcpu vcpu = _machine.Vcpu;
        ulong limit = vcpu.InstructionsExecuted + MostInstructions;
        using Timer patience = new(_ => vcpu.Kick(), null, s_patience, Timeout.InfiniteTimeSpan);
        while (events.Count < MostEvents && vcpu.InstructionsExecuted < limit)
        {
            ref VmExit exit = ref vcpu.Run();
            if (exit.Reason == VmExitReason.HaltForever)
            {
                events.Add(DebugEvent.Halt);
                return events;
            }

            if (exit.Reason != VmExitReason.PortIo)
            {
                events.Add(new DebugEvent($"left with {exit.Reason}"));
                return events;
            }

            if (exit.Port == DebugProgram.Port) continue;
            if (exit.Port is SystemCallPort or SystemEnterPort or EndPort)
            {
                events.Add(exit.Port switch { SystemCallPort => DebugEvent.SystemCall, SystemEnterPort => DebugEvent.SystemEnter, _ => DebugEvent.End });
                return events;
            }

            if (!Note(exit.Port, events)) return events;
        }

        events.Add(new DebugEvent("never ends"));
        return events;
    }

    public void Dispose() => _machine.Dispose();

    // False for the handler of a fault, which would come again.
    private bool Note(int vector, List<DebugEvent> events)
    {
        const ulong Causes = Dr6.BMask | Dr6.BD | Dr6.BS | Dr6.BT;
        const ulong CodeBreakpoint = Dr6.B0 << 1;
        bool hasCode = vector is 8 or (>= 10 and <= 14) or 17;
        int word = _is64 ? 8 : 4;
        _machine.Vcpu.GetState(_seen);
        ulong frame = _seen.Gpr[Gpr.Rsp] + (ulong)(hasCode ? word : 0);
        ulong rip = _machine.Read(frame, word);
        int level = (int)_machine.Read(frame + (ulong)word, 2) & 3;
        ulong flagsAt = frame + (ulong)(2 * word);
        ulong flags = _machine.Read(flagsAt, word);
        events.Add(new DebugEvent(vector, rip, (flags & Rflags.RF) != 0, level, vector == 1 ? _seen.Dr6 & Causes : 0));
        if (vector == 1 && (_seen.Dr6 & CodeBreakpoint) != 0) _machine.Store(flagsAt, flags | Rflags.RF, word);
        return vector is 1 or 3 or 4 or DebugProgram.Open or DebugProgram.Closed;
    }

    private void Load(DebugInstruction[] program, int ending, ulong armed)
    {
        byte[] end = [0xE6, EndPort, 0xF4];
        _machine.Write(Start, [.. program.SelectMany(instruction => instruction.Bytes), .. end]);
        ulong breakpoint = Start + (ulong)program.Take(ending).Sum(instruction => instruction.Bytes.Length);
        ProcessorState state = _machine.State;
        bool detects = program[ending].Effect == DebugEffect.GeneralDetect;
        (ulong Address, int Condition, int Length)[] breakpoints =
            [(DebugProgram.Operand, 3, 1), (breakpoint, 0, 0), (DebugProgram.Port, 2, 0), (DebugProgram.String + 1, 1, 0)];
        state.Dr6 = Dr6.Fixed1;
        state.Dr7 = Dr7.Fixed1 | (detects ? Dr7.GD : 0);
        for (int i = 0; i < breakpoints.Length; i++)
        {
            state.DebugAddress[i] = breakpoints[i].Address;
            if ((armed & (Dr6.B0 << i)) != 0) state.Dr7 |= (Dr7.L0 << (2 * i)) | ((ulong)(breakpoints[i].Condition | (breakpoints[i].Length << 2)) << (16 + (4 * i)));
        }

        ushort stack = (ushort)(Level == 3 ? 0x23 : 0x10);
        bool popsStack = program.Any(static instruction => instruction.Name == "pop ss");
        state.Segments[Seg.Cs] = CodeSegment();
        state.Segments[Seg.Ss] = new(stack, 0, uint.MaxValue, Level == 3 ? 0xC0F3u : 0xC093);
        state.Segments[Seg.Ds] = state.Segments[Seg.Es] = state.Segments[Seg.Ss];
        state.Rip = Start;
        state.Rflags = Rflags.Fixed | Rflags.IOPL | ((armed & Dr6.BS) != 0 ? Rflags.TF : 0) | (program[ending].Overflow ? Rflags.OF : 0);
        state.Gpr[Gpr.Rsp] = popsStack ? DebugProgram.Operand : Level == 3 ? UserStack : KernelStack;
        state.Gpr[Gpr.Rbx] = Nowhere;
        state.Gpr[Gpr.Rbp] = stack;
        state.Gpr[Gpr.Rcx] = 3;
        state.Gpr[Gpr.Rdx] = DebugProgram.Port;
        state.Gpr[Gpr.Rsi] = DebugProgram.String + 0x10;
        state.Gpr[Gpr.Rdi] = program[ending].Destination;
        state.Events = default;
        state.MpState = MpState.Runnable;
        _machine.Store(DebugProgram.Operand, stack, 4);
        _machine.Store(DebugProgram.Operand + 4, stack, 4);

        // Bounds that EBX is inside of, and others.
        _machine.Store(DebugProgram.Operand + 0x40, 0x7FFF_FFFF_0000_0000, 8);
        _machine.Store(DebugProgram.Operand + 0x48, 0x0000_0001_0000_0000, 8);
        _machine.Store(DebugProgram.String, 0, 8);
        _machine.Store(DebugProgram.String + 0x10, 0, 8);
        _machine.Vcpu.PutState(state, PutLevel.Full);
    }

    private SegmentRegister CodeSegment() => (_is64, Level) switch
    {
        (true, 0) => new(0x28, 0, uint.MaxValue, 0xA09B),
        (true, _) => new(0x33, 0, uint.MaxValue, 0xA0FB),
        (false, 0) => new(0x08, 0, uint.MaxValue, 0xC09B),
        (false, _) => new(0x1B, 0, uint.MaxValue, 0xC0FB),
    };

    private void Install()
    {
        const uint SystemCallFlags = (uint)(Rflags.TF | Rflags.IF);
        ProcessorState state = _machine.State;
        ulong[] descriptors = [0x00AF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF, 0x00CF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF];
        for (int i = 0; i < descriptors.Length; i++) _machine.Store(state.Gdtr.Base + Code64 + (ulong)(i * 8), descriptors[i], 8);
        state.Gdtr = new(state.Gdtr.Base, Code64 + (4 * 8) - 1);
        state.Cr4 |= Cr4.DE;
        if (_is64) state.Efer |= Efer.SCE;
        state.Msrs[Msr.IA32_STAR] = (ulong)Code64 << 32;
        state.Msrs[Msr.IA32_LSTAR] = SystemCall;
        state.Msrs[Msr.IA32_FMASK] = SystemCallFlags;
        state.Msrs[Msr.IA32_SYSENTER_CS] = _is64 ? Code64 : Code32;
        state.Msrs[Msr.IA32_SYSENTER_ESP] = KernelStack;
        state.Msrs[Msr.IA32_SYSENTER_EIP] = SystemEnter;
        _machine.Write(SystemCall, 0xE6, SystemCallPort, 0xF4);
        _machine.Write(SystemEnter, 0xE6, SystemEnterPort, 0xF4);
        ulong gateSize = _is64 ? 16u : 8;
        for (byte vector = 0; vector < 32; vector++)
        {
            // OUT; of #DB PUSH RAX, MOV EAX, 0xFFFF0FF0, MOV DR6, RAX, POP RAX; IRET.
            byte[] body = vector == 1 ? [0x50, 0xB8, 0xF0, 0x0F, 0xFF, 0xFF, 0x0F, 0x23, 0xF0, 0x58] : [];
            byte[] end = _is64 ? [0x48, 0xCF] : [0xCF];
            _machine.Write(Handler(vector), [0xE6, vector, .. body, .. end]);
            if (vector is 3 or 4 or DebugProgram.Open) _machine.Store(state.Idtr.Base + (vector * gateSize) + 5, 0xEE, 1);
        }

        if (!_is64) return;
        const ulong FirstInterruptStack = 0x24;
        _machine.Store(state.Idtr.Base + gateSize + 4, 1, 1);
        _machine.Store(state.Segments[Seg.Tr].Base + FirstInterruptStack, DebugStack, 8);
    }
}
