using System.Runtime.Intrinsics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>PBLENDVB, BLENDVPS, BLENDVPD: the sign bits of XMM0's elements choose; XMM0 is an implied third operand.</summary>
internal static unsafe class VariableBlend
{
    // SAFETY: registers by offsets from the binder; guest memory through GuestAccess.

    /// <summary>Registers the instructions.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Pblendvb_xmm_xmmm128, &Bind<sbyte>);
        table.Add(Code.Blendvps_xmm_xmmm128, &Bind<int>);
        table.Add(Code.Blendvpd_xmm_xmmm128, &Bind<long>);
    }

    private static void Bind<T>(in Instruction instruction, in BindContext context, Op* op)
    {
        Operands.Destination(instruction, op);
        Operands.Source(instruction, op);
        op->Src2 = CpuState.XmmOffset(0);
        op->Handler = VectorInstruction.Guarded<XmmRegister, XmmRegister>(context, Operands.IsMemory(instruction, 1)
            ? &Execute<T, MemoryOperand<Aligned128, AnyAddress>>
            : &Execute<T, XmmRegister>);
    }

    private static Op* Execute<T, TSource>(CpuState* cpu, Op* op)
        where TSource : struct, IVectorSource
    {
        if (!TSource.Load(cpu, op, out V source)) return Faults.Raise(cpu, op);
        ref V destination = ref XmmRegister.At(cpu, op->Dst);
        V mask = Vector128.LessThan(XmmRegister.At(cpu, op->Src2).As<byte, T>(), Vector128<T>.Zero).AsByte();
        destination = Vector128.ConditionalSelect(mask, source, destination);
        return op + 1;
    }
}
