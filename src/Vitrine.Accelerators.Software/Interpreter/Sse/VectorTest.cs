using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>PTEST: ZF when no bit is set in both, CF when the source has no bit that the destination lacks.</summary>
internal static unsafe class VectorTest
{
    // SAFETY: registers by offsets from the binder; guest memory through GuestAccess.

    /// <summary>Registers the instruction.</summary>
    public static void Register(OpTable table) => table.Add(Code.Ptest_xmm_xmmm128, &Bind);

    private static void Bind(in Instruction instruction, in BindContext context, Op* op)
    {
        Operands.Destination(instruction, op);
        Operands.Source(instruction, op);
        op->Handler = VectorInstruction.Guarded<XmmRegister, XmmRegister>(context, Operands.IsMemory(instruction, 1)
            ? &Execute<MemoryOperand<Aligned128, AnyAddress>>
            : &Execute<XmmRegister>);
    }

    private static Op* Execute<TSource>(CpuState* cpu, Op* op)
        where TSource : struct, IVectorSource
    {
        if (!TSource.Load(cpu, op, out V source)) return Faults.Raise(cpu, op);
        V first = XmmRegister.At(cpu, op->Dst);
        Flags.SetArithmetic(cpu, ((source & first) == V.Zero ? Flags.Zf : 0) | ((source & ~first) == V.Zero ? Flags.Cf : 0));
        return op + 1;
    }
}
