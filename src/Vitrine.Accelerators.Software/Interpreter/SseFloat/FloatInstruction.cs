using System.Runtime.Intrinsics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Interpreter.Sse;

namespace Vitrine.Accelerators.Software.Interpreter.SseFloat;

/// <summary>The handlers of floating-point SSE instructions, and the binders that specialise them.</summary>
internal static unsafe class FloatInstruction
{
    // SAFETY: handlers touch the vCPU's own state by offsets from binders, and guest memory through GuestAccess.

    /// <summary>destination = operation(destination, source, immediate).</summary>
    public static Op* Execute<TOp, TDestination, TSource>(CpuState* cpu, Op* op)
        where TOp : struct, IFloatOp
        where TDestination : struct, IVectorDestination
        where TSource : struct, IVectorSource
    {
        if (!TDestination.Ready(cpu) || !TSource.Ready(cpu)) return Faults.Raise(cpu, op);
        if (!TSource.Load(cpu, op, out Vector128<byte> source)) return Faults.Raise(cpu, op);
        FpEnvironment environment = FpEnvironment.FromMxcsr(cpu->Mxcsr);
        Vector128<byte> result = TOp.Apply(TDestination.Current(cpu, op), source, (byte)op->Imm, ref environment);
        if (environment.Unmasked != 0) return SimdException.Raise(cpu, op, environment);
        cpu->Mxcsr |= environment.MxcsrFlags;
        TDestination.Store(cpu, op, result);
        TDestination.Complete(cpu);
        TSource.Complete(cpu);
        return op + 1;
    }

    /// <summary>Orders the lowest elements and sets ZF, PF and CF; the other flags are cleared (COMISS, UCOMISS).</summary>
    public static Op* Order<TFormat, TKind, TSource>(CpuState* cpu, Op* op)
        where TFormat : struct, ISseFormat
        where TKind : struct, IOrdering
        where TSource : struct, IVectorSource
    {
        if (!TSource.Load(cpu, op, out Vector128<byte> source)) return Faults.Raise(cpu, op);
        FpEnvironment environment = FpEnvironment.FromMxcsr(cpu->Mxcsr);
        FpRelation relation = SseArithmetic.Compare<TFormat>(
            FloatElements.Get<TFormat>(XmmRegister.At(cpu, op->Dst), 0),
            FloatElements.Get<TFormat>(source, 0),
            TKind.QuietIsInvalid,
            ref environment);
        if (environment.Unmasked != 0) return SimdException.Raise(cpu, op, environment);
        cpu->Mxcsr |= environment.MxcsrFlags;
        Flags.SetArithmetic(cpu, relation switch
        {
            FpRelation.Less => Flags.Cf,
            FpRelation.Equal => Flags.Zf,
            FpRelation.Greater => 0,
            _ => Flags.Zf | Flags.Pf | Flags.Cf,
        });
        return op + 1;
    }

    /// <summary>Binds an instruction whose source is a register of one kind, or memory.</summary>
    public static void Bind<TOp, TDestination, TSource, TMemory>(in Instruction instruction, in BindContext context, Op* op)
        where TOp : struct, IFloatOp
        where TDestination : struct, IVectorDestination
        where TSource : struct, IVectorSource
        where TMemory : struct, IMemoryFormat
    {
        Operands.Destination(instruction, op);
        Operands.Source(instruction, op);
        op->Handler = Operands.IsMemory(instruction, 1)
            ? Guarded(context, &Execute<TOp, TDestination, MemoryOperand<TMemory, AnyAddress>>)
            : Guarded(context, &Execute<TOp, TDestination, TSource>);
    }

    /// <summary>The same between XMM registers, with a specialised address for the commonest form.</summary>
    public static void BindXmm<TOp, TMemory>(in Instruction instruction, in BindContext context, Op* op)
        where TOp : struct, IFloatOp
        where TMemory : struct, IMemoryFormat
    {
        Bind<TOp, XmmRegister, XmmRegister, TMemory>(instruction, context, op);
        if (Operands.IsMemory(instruction, 1) && op->Form == AddressForm.BaseDisplacement)
            op->Handler = Guarded(context, &Execute<TOp, XmmRegister, MemoryOperand<TMemory, BaseDisplacementAddress>>);
    }

    /// <summary>Binds COMISS and its kin.</summary>
    public static void BindOrder<TFormat, TKind, TMemory>(in Instruction instruction, in BindContext context, Op* op)
        where TFormat : struct, ISseFormat
        where TKind : struct, IOrdering
        where TMemory : struct, IMemoryFormat
    {
        Operands.Destination(instruction, op);
        Operands.Source(instruction, op);
        op->Handler = Operands.IsMemory(instruction, 1)
            ? Guarded(context, &Order<TFormat, TKind, MemoryOperand<TMemory, AnyAddress>>)
            : Guarded(context, &Order<TFormat, TKind, XmmRegister>);
    }

    /// <summary>All of these instructions use XMM registers or MXCSR, so that the rules of SSE hold for them, the stricter ones.</summary>
    private static Handler Guarded(in BindContext context, Handler handler) =>
        (context.Mode & ExecutionMode.SseTrap) != 0 ? &FpuGuard.SseNotAvailable : handler;
}
