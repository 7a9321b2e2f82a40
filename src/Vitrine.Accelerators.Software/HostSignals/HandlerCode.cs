using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Translator;

namespace Vitrine.Accelerators.Software.HostSignals;

/// <summary>
/// Writes the signal handler: machine code, because managed code must not run in signal context. A signal that an instruction of emitted code
/// raised is noted, and the thread goes on at the range's landing; everything else is for the handler that was installed before, which finds
/// registers and stack as the kernel left them.
/// </summary>
internal static unsafe class HandlerCode
{
    // SAFETY: writes where the caller has MaximumBytes; the code reads the kernel's frame and the table, and writes to the frame and a record.

    /// <summary>No handler is longer, in bytes.</summary>
    public const int MaximumBytes = 512;

    // Of siginfo_t and ucontext_t (asm/siginfo.h, asm/ucontext.h for x86-64).
    private const int SignalCode = 8;
    private const int SignalAddress = 16;
    private const int ContextRip = 168;
    private const int ContextFlags = 176;

    // Trap, direction and alignment-check flag: the code at the landing is written for none of them.
    private const int FlagsOfNoUse = 0x100 | 0x400 | 0x4_0000;

    // Actions that are no handlers.
    private const int SIG_IGN = 1;

    private const int SyscallSigaction = 13;
    private const int SyscallGetpid = 39;
    private const int SyscallGettid = 186;
    private const int SyscallTgkill = 234;
    private const int KernelSignalSetBytes = 8;

    private const int Signal = HostRegister.Rdi;
    private const int Information = HostRegister.Rsi;
    private const int Context = HostRegister.Rdx;
    private const int R8 = 8;
    private const int R9 = 9;
    private const int R10 = 10;
    private const int Compare = 0x3B;
    private const int CompareExtension = 7;

    private static readonly int s_start;
    private static readonly int s_end;
    private static readonly int s_landing;
    private static readonly int s_record;
    private static readonly int s_hostRip;
    private static readonly int s_address;
    private static readonly int s_number;
    private static readonly int s_code;

    static HandlerCode()
    {
        CodeRange range;
        s_start = Offset(&range, &range.Start);
        s_end = Offset(&range, &range.End);
        s_landing = Offset(&range, &range.Landing);
        s_record = Offset(&range, &range.Record);
        SignalRecord record;
        s_hostRip = Offset(&record, &record.HostRip);
        s_address = Offset(&record, &record.Address);
        s_number = Offset(&record, &record.Number);
        s_code = Offset(&record, &record.Code);
    }

    /// <summary>Writes the handler, a function <c>(int signal, siginfo_t*, ucontext_t*)</c>.</summary>
    /// <param name="emitter">Where to.</param>
    /// <param name="table">The ranges.</param>
    /// <param name="previous">The actions from before, by the signals' numbers.</param>
    /// <param name="defaultAction">A struct sigaction of the kernel, all zero, which stays where it is.</param>
    public static void Write(ref CodeEmitter emitter, CodeRangeTable table, nint* previous, void* defaultAction)
    {
        emitter.Load(HostRegister.Rax, new HostOperand(Context, ContextRip));
        byte* found = FindRange(ref emitter, table.First, out byte* none);

        // R9: the range. A signal that was sent, and not raised, has a code of at most 0.
        emitter.Land(found);
        CompareWithZero(ref emitter, new HostOperand(Information, SignalCode));
        byte* sent = emitter.JumpIf(Condition.LessOrEqual);
        emitter.Load(HostRegister.Rcx, Range(s_record));
        CompareWithZero(ref emitter, Record(s_number));
        byte* second = emitter.JumpIf(Condition.NotEqual);
        Note(ref emitter);

        emitter.Land(none);
        emitter.Land(sent);
        emitter.Land(second);
        CallPrevious(ref emitter, previous, defaultAction);
    }

    private static byte* FindRange(ref CodeEmitter emitter, byte* first, out byte* none)
    {
        emitter.Constant(HostRegister.Rcx, (ulong)first);
        byte* chunk = emitter.Position;
        emitter.Lea(R9, new HostOperand(HostRegister.Rcx, CodeRangeTable.RangesAt));
        emitter.Lea(R8, new HostOperand(HostRegister.Rcx, CodeRangeTable.ChunkBytes));
        byte* range = emitter.Position;
        HostOperand end = Range(s_end);
        emitter.Load(R10, end);
        emitter.Registers(Compare, true, HostRegister.Rax, R10);
        byte* beyond = emitter.JumpIf(Condition.AboveOrEqual);
        emitter.Memory(Compare, true, HostRegister.Rax, Range(s_start));
        byte* before = emitter.JumpIf(Condition.Below);
        emitter.Memory(Compare, true, R10, end);
        byte* found = emitter.JumpIf(Condition.Equal);
        emitter.Land(beyond);
        emitter.Land(before);
        emitter.Lea(R9, new HostOperand(R9, sizeof(CodeRange)));
        emitter.Registers(Compare, true, R9, R8);
        emitter.JumpIf(Condition.Below, range);
        emitter.Load(HostRegister.Rcx, new HostOperand(HostRegister.Rcx, 0));
        emitter.Immediate(CompareExtension, true, HostRegister.Rcx, 0);
        emitter.JumpIf(Condition.NotEqual, chunk);
        none = emitter.Jump();
        return found;
    }

    private static void Note(ref CodeEmitter emitter)
    {
        const int AndExtension = 4;
        emitter.Store(Record(s_hostRip), HostRegister.Rax);
        emitter.Load(R8, new HostOperand(Information, SignalAddress));
        emitter.Store(Record(s_address), R8);
        emitter.Load(R8, new HostOperand(Information, SignalCode), wide: false);
        emitter.Store(Record(s_code), R8, wide: false);
        emitter.Store(Record(s_number), Signal, wide: false);
        emitter.Load(R8, Range(s_landing));
        emitter.Store(new HostOperand(Context, ContextRip), R8);
        emitter.Memory(0x81, false, AndExtension, new HostOperand(Context, ContextFlags));
        emitter.Dword(~FlagsOfNoUse);
        Return(ref emitter);
    }

    private static void CallPrevious(ref CodeEmitter emitter, nint* previous, void* defaultAction)
    {
        const int JumpExtension = 4;
        emitter.Constant(HostRegister.Rcx, (ulong)previous);
        emitter.Move(HostRegister.Rax, Signal, wide: false);
        emitter.Load(HostRegister.Rax, new HostOperand(HostRegister.Rcx, HostRegister.Rax, 3, 0));
        emitter.Immediate(CompareExtension, true, HostRegister.Rax, SIG_IGN);
        byte* none = emitter.JumpIf(Condition.BelowOrEqual);
        emitter.Registers(0xFF, false, JumpExtension, HostRegister.Rax);

        // The kernel ignores what was sent; what an instruction has raised ends the process all the same.
        emitter.Land(none);
        byte* isDefault = emitter.JumpIf(Condition.NotEqual);
        CompareWithZero(ref emitter, new HostOperand(Information, SignalCode));
        byte* raised = emitter.JumpIf(Condition.Greater);
        Return(ref emitter);

        // The signal comes again, to a process without a handler for it, as soon as this one returns.
        emitter.Land(isDefault);
        emitter.Land(raised);
        emitter.Move(R8, Signal, wide: false);
        emitter.Constant(Information, (ulong)defaultAction);
        emitter.Constant(Context, 0);
        emitter.Constant(R10, KernelSignalSetBytes);
        SystemCall(ref emitter, SyscallSigaction);
        SystemCall(ref emitter, SyscallGetpid);
        emitter.Move(HostRegister.Rdi, HostRegister.Rax, wide: false);
        SystemCall(ref emitter, SyscallGettid);
        emitter.Move(HostRegister.Rsi, HostRegister.Rax, wide: false);
        emitter.Move(HostRegister.Rdx, R8, wide: false);
        SystemCall(ref emitter, SyscallTgkill);
        Return(ref emitter);
    }

    private static void CompareWithZero(ref CodeEmitter emitter, in HostOperand operand)
    {
        emitter.Memory(0x83, false, CompareExtension, operand);
        emitter.Byte(0);
    }

    private static void SystemCall(ref CodeEmitter emitter, int number)
    {
        emitter.Constant(HostRegister.Rax, (ulong)number);
        emitter.Byte(0x0F);
        emitter.Byte(0x05);
    }

    private static void Return(ref CodeEmitter emitter) => emitter.Byte(0xC3);

    private static int Offset(void* start, void* field) => (int)((byte*)field - (byte*)start);

    // A record is addressed by RCX, a range by R9.
    private static HostOperand Record(int field) => new(HostRegister.Rcx, field);

    private static HostOperand Range(int field) => new(R9, field);
}
