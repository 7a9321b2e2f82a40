using System.Runtime.InteropServices;
using Iced.Intel;
using Vitrine.Accelerators.Software.FloatingPoint;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Software.FloatingPoint;

/// <summary>
/// The host's own x87 and SSE units as oracle: a few instructions in an executable page. x87 may run with exceptions unmasked,
/// because nothing in the page waits for them; SSE must have them masked.
/// </summary>
// SAFETY: the routine touches only the Frame, which is pinned while it runs.
internal sealed unsafe class HostFpu : IDisposable
{
    public const string Missing = HostRoutine.Missing;

    private readonly HostRoutine routine;

    private HostFpu(Assembler assembler) => routine = new(assembler);

    public static bool IsAvailable => HostRoutine.IsAvailable;

    /// <summary>Runs an x87 instruction with ST(0) and ST(1) loaded from the frame; Operand is at [rdi + 0x60].</summary>
    public static HostFpu X87(Action<Assembler> operation)
    {
        Assembler assembler = new(64);
        assembler.fninit();
        assembler.fldcw(__word_ptr[rdi]);
        assembler.fld(__tbyte_ptr[rdi + 0x20]);
        assembler.fld(__tbyte_ptr[rdi + 0x10]);
        operation(assembler);
        assembler.fnstsw(__word_ptr[rdi + 2]);
        assembler.fnclex();
        assembler.fstp(__tbyte_ptr[rdi + 0x30]);
        assembler.fstp(__tbyte_ptr[rdi + 0x40]);
        assembler.fninit();
        assembler.ret();
        return new(assembler);
    }

    /// <summary>Runs an SSE instruction on xmm0 and xmm1; xmm0, rax and the flags come back.</summary>
    public static HostFpu Sse(Action<Assembler> operation)
    {
        Assembler assembler = new(64);
        assembler.stmxcsr(__dword_ptr[rdi + 8]);
        assembler.ldmxcsr(__dword_ptr[rdi]);
        assembler.movups(xmm0, __xmmword_ptr[rdi + 0x10]);
        assembler.movups(xmm1, __xmmword_ptr[rdi + 0x20]);
        assembler.mov(rax, __qword_ptr[rdi + 0x60]);
        operation(assembler);
        assembler.movups(__xmmword_ptr[rdi + 0x30], xmm0);
        assembler.mov(__qword_ptr[rdi + 0x60], rax);
        assembler.pushfq();
        assembler.pop(rax);
        assembler.mov(__dword_ptr[rdi + 0xC], eax);
        assembler.stmxcsr(__dword_ptr[rdi + 4]);
        assembler.ldmxcsr(__dword_ptr[rdi + 8]);
        assembler.ret();
        return new(assembler);
    }

    public void Run(ref Frame frame)
    {
        fixed (Frame* pointer = &frame) routine.Run(pointer);
    }

    public void Dispose() => routine.Dispose();

    [StructLayout(LayoutKind.Explicit, Size = 0x80)]
    internal struct Frame
    {
        [FieldOffset(0x00)] public ushort ControlWord;
        [FieldOffset(0x02)] public ushort StatusWord;
        [FieldOffset(0x00)] public uint Mxcsr;
        [FieldOffset(0x04)] public uint MxcsrAfter;
        [FieldOffset(0x0C)] public uint Rflags;
        [FieldOffset(0x10)] public ulong Low0;
        [FieldOffset(0x18)] public ulong High0;
        [FieldOffset(0x20)] public ulong Low1;
        [FieldOffset(0x28)] public ulong High1;
        [FieldOffset(0x30)] public ulong ResultLow0;
        [FieldOffset(0x38)] public ulong ResultHigh0;
        [FieldOffset(0x40)] public ulong ResultLow1;
        [FieldOffset(0x48)] public ulong ResultHigh1;
        [FieldOffset(0x60)] public ulong OperandLow;
        [FieldOffset(0x68)] public ulong OperandHigh;

        public readonly Float80 Result0 => new(ResultLow0, (ushort)ResultHigh0);

        public readonly Float80 Result1 => new(ResultLow1, (ushort)ResultHigh1);

        public static Frame X87(ushort controlWord, Float80 st0, Float80 st1) => new()
        {
            ControlWord = controlWord,
            Low0 = st0.Significand,
            High0 = st0.SignExponent,
            Low1 = st1.Significand,
            High1 = st1.SignExponent,
        };
    }
}
