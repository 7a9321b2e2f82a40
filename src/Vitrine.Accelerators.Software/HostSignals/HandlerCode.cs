using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;

namespace Vitrine.Accelerators.Software.HostSignals;

/// <summary>
/// Writes the signal handler: machine code, because managed code must not run in signal context. A signal that an instruction of emitted
/// code raised is noted, and the thread goes on at the range's landing; everything else is for the handler that was installed before, which
/// finds registers and stack as the kernel left them.
/// </summary>
internal static unsafe class HandlerCode
{
    // SAFETY: writes where the caller has MaximumBytes; the code reads the kernel's frame and the table, and writes to the frame and a
    // record.

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

    private const HostRegister Signal = HostRegister.Rdi;
    private const HostRegister Information = HostRegister.Rsi;
    private const HostRegister Context = HostRegister.Rdx;

    /// <summary>Writes the handler, a function <c>(int signal, siginfo_t*, ucontext_t*)</c>.</summary>
    /// <param name="emitter">Where to.</param>
    /// <param name="table">The ranges.</param>
    /// <param name="previous">The actions from before, by the signals' numbers.</param>
    /// <param name="defaultAction">A struct sigaction of the kernel, all zero, which stays where it is.</param>
    public static void Write(ref CodeEmitter emitter, CodeRangeTable table, nint* previous, void* defaultAction)
    {
        emitter.Mov(HostRegister.Rax, new HostOperand(Context, ContextRip));
        CodeLabel previousHandler = default;
        FindRange(ref emitter, table.First, ref previousHandler);

        // R9: the range. A signal that was sent, and not raised, has a code of at most 0.
        CompareWithZero(ref emitter, new HostOperand(Information, SignalCode));
        emitter.Jcc(Condition.LessOrEqual, ref previousHandler);
        emitter.Mov(HostRegister.Rcx, Range(CodeRange.Offsets.Record));
        CompareWithZero(ref emitter, Record(SignalRecord.Offsets.Number));
        emitter.Jcc(Condition.NotEqual, ref previousHandler);
        Note(ref emitter);

        emitter.Bind(ref previousHandler);
        CallPrevious(ref emitter, previous, defaultAction);
    }

    private static void FindRange(ref CodeEmitter emitter, byte* first, ref CodeLabel none)
    {
        emitter.Movabs(HostRegister.Rcx, (ulong)first);
        CodeLabel chunk = new(emitter.Position);
        emitter.Lea(HostRegister.R9, new HostOperand(HostRegister.Rcx, CodeRangeTable.RangesAt));
        emitter.Lea(HostRegister.R8, new HostOperand(HostRegister.Rcx, CodeRangeTable.ChunkBytes));
        CodeLabel range = new(emitter.Position);
        CodeLabel found = default;
        CodeLabel next = default;
        HostOperand end = Range(CodeRange.Offsets.End);
        emitter.Mov(HostRegister.R10, end);
        emitter.Cmp(HostRegister.Rax, HostRegister.R10);
        emitter.Jcc(Condition.AboveOrEqual, ref next);
        emitter.Cmp(HostRegister.Rax, Range(CodeRange.Offsets.Start));
        emitter.Jcc(Condition.Below, ref next);
        emitter.Cmp(HostRegister.R10, end);
        emitter.Jcc(Condition.Equal, ref found);
        emitter.Bind(ref next);
        emitter.Lea(HostRegister.R9, new HostOperand(HostRegister.R9, sizeof(CodeRange)));
        emitter.Cmp(HostRegister.R9, HostRegister.R8);
        emitter.Jcc(Condition.Below, ref range);
        emitter.Mov(HostRegister.Rcx, new HostOperand(HostRegister.Rcx, 0));
        emitter.Cmp(HostRegister.Rcx, 0);
        emitter.Jcc(Condition.NotEqual, ref chunk);
        emitter.Jmp(ref none);
        emitter.Bind(ref found);
    }

    private static void Note(ref CodeEmitter emitter)
    {
        emitter.Mov(Record(SignalRecord.Offsets.HostRip), HostRegister.Rax);
        emitter.Mov(HostRegister.R8, new HostOperand(Information, SignalAddress));
        emitter.Mov(Record(SignalRecord.Offsets.Address), HostRegister.R8);
        emitter.Mov(HostRegister.R8, new HostOperand(Information, SignalCode), OperandSize.Dword);
        emitter.Mov(Record(SignalRecord.Offsets.Code), HostRegister.R8, OperandSize.Dword);
        emitter.Mov(Record(SignalRecord.Offsets.Number), Signal, OperandSize.Dword);
        emitter.Mov(HostRegister.R8, Range(CodeRange.Offsets.Landing));
        emitter.Mov(new HostOperand(Context, ContextRip), HostRegister.R8);
        emitter.And(new HostOperand(Context, ContextFlags), ~FlagsOfNoUse, OperandSize.Dword);
        emitter.Ret();
    }

    private static void CallPrevious(ref CodeEmitter emitter, nint* previous, void* defaultAction)
    {
        emitter.Movabs(HostRegister.Rcx, (ulong)previous);
        emitter.Mov(HostRegister.Rax, Signal, OperandSize.Dword);
        emitter.Mov(HostRegister.Rax, new HostOperand(HostRegister.Rcx, HostRegister.Rax, 3, 0));
        emitter.Cmp(HostRegister.Rax, SIG_IGN);
        CodeLabel noFunction = default;
        emitter.Jcc(Condition.BelowOrEqual, ref noFunction);
        emitter.Jmp(HostRegister.Rax);

        // The kernel ignores what was sent; what an instruction has raised ends the process all the same.
        emitter.Bind(ref noFunction);
        CodeLabel ends = default;
        emitter.Jcc(Condition.NotEqual, ref ends);
        CompareWithZero(ref emitter, new HostOperand(Information, SignalCode));
        emitter.Jcc(Condition.Greater, ref ends);
        emitter.Ret();

        // The signal comes again, to a process without a handler for it, as soon as this one returns.
        emitter.Bind(ref ends);
        emitter.Mov(HostRegister.R8, Signal, OperandSize.Dword);
        emitter.Movabs(Information, (ulong)defaultAction);
        emitter.Movabs(Context, 0);
        emitter.Movabs(HostRegister.R10, KernelSignalSetBytes);
        SystemCall(ref emitter, SyscallSigaction);
        SystemCall(ref emitter, SyscallGetpid);
        emitter.Mov(HostRegister.Rdi, HostRegister.Rax, OperandSize.Dword);
        SystemCall(ref emitter, SyscallGettid);
        emitter.Mov(HostRegister.Rsi, HostRegister.Rax, OperandSize.Dword);
        emitter.Mov(HostRegister.Rdx, HostRegister.R8, OperandSize.Dword);
        SystemCall(ref emitter, SyscallTgkill);
        emitter.Ret();
    }

    private static void CompareWithZero(ref CodeEmitter emitter, in HostOperand operand)
    {
        emitter.Cmp(operand, 0, OperandSize.Dword);
    }

    private static void SystemCall(ref CodeEmitter emitter, int number)
    {
        emitter.Movabs(HostRegister.Rax, (ulong)number);
        emitter.Syscall();
    }

    // A record is addressed by RCX, a range by R9.
    private static HostOperand Record(int field) => new(HostRegister.Rcx, field);

    private static HostOperand Range(int field) => new(HostRegister.R9, field);
}
