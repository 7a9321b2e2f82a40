using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>The one handler of vector instructions, and the binders that specialise it.</summary>
internal static unsafe class VectorInstruction
{
    // SAFETY: handlers touch the vCPU's own state by offsets from binders, and guest memory through GuestAccess.

    /// <summary>destination = operation(destination, source, immediate).</summary>
    public static Op* Execute<TOp, TDestination, TSource>(CpuState* cpu, Op* op)
        where TOp : struct, IVectorOp
        where TDestination : struct, IVectorDestination
        where TSource : struct, IVectorSource
    {
        if (!TDestination.Ready(cpu) || !TSource.Ready(cpu)) return Faults.Raise(cpu, op);
        if (!TSource.Load(cpu, op, out var source)) return Faults.Raise(cpu, op);
        var result = TOp.Apply(TDestination.Current(cpu, op), source, (byte)op->Imm);
        if (!TDestination.Store(cpu, op, result)) return Faults.Raise(cpu, op);
        TDestination.Complete(cpu);
        TSource.Complete(cpu);
        return op + 1;
    }

    /// <summary>Both operands are registers, or the source is an immediate.</summary>
    public static void Bind<TOp, TDestination, TSource>(in Instruction instruction, in BindContext context, Op* op)
        where TOp : struct, IVectorOp
        where TDestination : struct, IVectorDestination
        where TSource : struct, IVectorSource
    {
        Operands.Destination(instruction, op);
        Operands.Source(instruction, op);
        op->Handler = Guarded<TDestination, TSource>(context, &Execute<TOp, TDestination, TSource>);
    }

    /// <summary>The source is a register or in memory, with an operation for each (most instructions have the same).</summary>
    public static void BindLoad<TOp, TMemoryOp, TDestination, TSource, TFormat>(
        in Instruction instruction, in BindContext context, Op* op)
        where TOp : struct, IVectorOp
        where TMemoryOp : struct, IVectorOp
        where TDestination : struct, IVectorDestination
        where TSource : struct, IVectorSource
        where TFormat : struct, IMemoryFormat
    {
        if (Operands.IsMemory(instruction, 1)) Bind<TMemoryOp, TDestination, MemoryOperand<TFormat, AnyAddress>>(instruction, context, op);
        else Bind<TOp, TDestination, TSource>(instruction, context, op);
    }

    /// <summary>As <see cref="BindLoad"/>, with specialised addresses in 64-bit code.</summary>
    public static void BindHotLoad<TOp, TMemoryOp, TDestination, TSource, TFormat>(
        in Instruction instruction, in BindContext context, Op* op)
        where TOp : struct, IVectorOp
        where TMemoryOp : struct, IVectorOp
        where TDestination : struct, IVectorDestination
        where TSource : struct, IVectorSource
        where TFormat : struct, IMemoryFormat
    {
        BindLoad<TOp, TMemoryOp, TDestination, TSource, TFormat>(instruction, context, op);
        if (!Operands.IsMemory(instruction, 1)) return;
        if (op->Form == AddressForm.BaseDisplacement)
        {
            Bind<TMemoryOp, TDestination, MemoryOperand<TFormat, BaseDisplacementAddress>>(instruction, context, op);
        }
        else if (op->Form == AddressForm.Long)
        {
            Bind<TMemoryOp, TDestination, MemoryOperand<TFormat, LongAddress>>(instruction, context, op);
        }
    }

    /// <summary>The destination is a register or in memory, with an operation for each.</summary>
    public static void BindStore<TOp, TMemoryOp, TDestination, TSource, TFormat>(
        in Instruction instruction, in BindContext context, Op* op)
        where TOp : struct, IVectorOp
        where TMemoryOp : struct, IVectorOp
        where TDestination : struct, IVectorDestination
        where TSource : struct, IVectorSource
        where TFormat : struct, IMemoryFormat
    {
        if (Operands.IsMemory(instruction, 0)) Bind<TMemoryOp, MemoryOperand<TFormat, AnyAddress>, TSource>(instruction, context, op);
        else Bind<TOp, TDestination, TSource>(instruction, context, op);
    }

    /// <summary>As <see cref="BindStore"/>, with specialised addresses in 64-bit code.</summary>
    public static void BindHotStore<TOp, TMemoryOp, TDestination, TSource, TFormat>(
        in Instruction instruction, in BindContext context, Op* op)
        where TOp : struct, IVectorOp
        where TMemoryOp : struct, IVectorOp
        where TDestination : struct, IVectorDestination
        where TSource : struct, IVectorSource
        where TFormat : struct, IMemoryFormat
    {
        BindStore<TOp, TMemoryOp, TDestination, TSource, TFormat>(instruction, context, op);
        if (!Operands.IsMemory(instruction, 0)) return;
        if (op->Form == AddressForm.BaseDisplacement)
        {
            Bind<TMemoryOp, MemoryOperand<TFormat, BaseDisplacementAddress>, TSource>(instruction, context, op);
        }
        else if (op->Form == AddressForm.Long)
        {
            Bind<TMemoryOp, MemoryOperand<TFormat, LongAddress>, TSource>(instruction, context, op);
        }
    }

    /// <summary>The handler, or the one that raises #UD or #NM where the operands' registers are not available.</summary>
    public static Handler Guarded<TDestination, TSource>(in BindContext context, Handler handler)
        where TDestination : struct, IVectorOperand
        where TSource : struct, IVectorOperand
    {
        // An instruction that mixes XMM and MMX registers obeys the stricter rule, that of SSE.
        ExecutionMode trap = context.Mode & (TDestination.Trap | TSource.Trap);
        if ((trap & ExecutionMode.SseTrap) != 0) return &FpuGuard.SseNotAvailable;
        return (trap & ExecutionMode.FpuTrap) != 0 ? &FpuGuard.MmxNotAvailable : handler;
    }
}
