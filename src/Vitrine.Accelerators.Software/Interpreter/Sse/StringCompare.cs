using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.X86.State;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM. Their memory operand needs no alignment.</summary>
internal static unsafe class StringCompare
{
    // SAFETY: registers by offsets from the binder; guest memory through GuestAccess.

    /// <summary>Registers the instructions.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Pcmpistri_xmm_xmmm128_imm8, &Bind<ImplicitLengths, IndexResult>);
        table.Add(Code.Pcmpistrm_xmm_xmmm128_imm8, &Bind<ImplicitLengths, MaskResult>);
        table.Add(Code.Pcmpestri_xmm_xmmm128_imm8, &Bind<ExplicitLengths<int>, IndexResult>);
        table.Add(Code.Pcmpestrm_xmm_xmmm128_imm8, &Bind<ExplicitLengths<int>, MaskResult>);
        table.Add(Code.Pcmpestri64_xmm_xmmm128_imm8, &Bind<ExplicitLengths<long>, IndexResult>);
        table.Add(Code.Pcmpestrm64_xmm_xmmm128_imm8, &Bind<ExplicitLengths<long>, MaskResult>);
    }

    private static void Bind<TLengths, TResult>(in Instruction instruction, in BindContext context, Op* op)
        where TLengths : struct, ILengths
        where TResult : struct, IResult
    {
        Operands.Destination(instruction, op);
        Operands.Source(instruction, op);
        op->Handler = VectorInstruction.Guarded<XmmRegister, XmmRegister>(context, Operands.IsMemory(instruction, 1)
            ? &Execute<TLengths, TResult, MemoryOperand<Part<V>, AnyAddress>>
            : &Execute<TLengths, TResult, XmmRegister>);
    }

    private static Op* Execute<TLengths, TResult, TSource>(CpuState* cpu, Op* op)
        where TLengths : struct, ILengths
        where TResult : struct, IResult
        where TSource : struct, IVectorSource
    {
        if (!TSource.Load(cpu, op, out V second)) return Faults.Raise(cpu, op);
        V first = XmmRegister.At(cpu, op->Dst);
        byte control = (byte)op->Imm;
        TLengths.Get(cpu, first, second, control, out int firstLength, out int secondLength);
        StringComparison comparison = StringComparison.Compare(first, second, firstLength, secondLength, control);
        TResult.Write(cpu, comparison, control);
        Flags.SetArithmetic(
            cpu,
            (comparison.Result != 0 ? Flags.Cf : 0) |
            (secondLength < comparison.Count ? Flags.Zf : 0) |
            (firstLength < comparison.Count ? Flags.Sf : 0) |
            ((comparison.Result & 1) != 0 ? Flags.Of : 0));
        return op + 1;
    }

    /// <summary>Where the lengths of the strings come from.</summary>
    private interface ILengths
    {
        /// <summary>Numbers of valid elements.</summary>
        static abstract void Get(CpuState* cpu, V first, V second, byte control, out int firstLength, out int secondLength);
    }

    /// <summary>Where the result goes.</summary>
    private interface IResult
    {
        /// <summary>Writes it.</summary>
        static abstract void Write(CpuState* cpu, in StringComparison comparison, byte control);
    }

    /// <summary>The strings end at a zero element.</summary>
    private readonly struct ImplicitLengths : ILengths
    {
        public static void Get(CpuState* cpu, V first, V second, byte control, out int firstLength, out int secondLength)
        {
            firstLength = StringComparison.ImplicitLength(first, control);
            secondLength = StringComparison.ImplicitLength(second, control);
        }
    }

    /// <summary>The lengths are in EAX and EDX, or RAX and RDX.</summary>
    private readonly struct ExplicitLengths<T> : ILengths
        where T : unmanaged
    {
        public static void Get(CpuState* cpu, V first, V second, byte control, out int firstLength, out int secondLength)
        {
            firstLength = StringComparison.ExplicitLength((long)Width.SignExtend<T>(cpu->Gpr[Gpr.Rax]), control);
            secondLength = StringComparison.ExplicitLength((long)Width.SignExtend<T>(cpu->Gpr[Gpr.Rdx]), control);
        }
    }

    /// <summary>ECX.</summary>
    private readonly struct IndexResult : IResult
    {
        public static void Write(CpuState* cpu, in StringComparison comparison, byte control) =>
            cpu->Gpr[Gpr.Rcx] = comparison.Index(control);
    }

    /// <summary>XMM0.</summary>
    private readonly struct MaskResult : IResult
    {
        public static void Write(CpuState* cpu, in StringComparison comparison, byte control) =>
            XmmRegister.At(cpu, CpuState.XmmOffset(0)) = comparison.Mask(control);
    }
}
