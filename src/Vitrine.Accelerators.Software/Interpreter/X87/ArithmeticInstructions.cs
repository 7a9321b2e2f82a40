using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>FADD, FMUL, FSUB, FSUBR, FDIV, FDIVR in all their forms.</summary>
internal static unsafe class ArithmeticInstructions
{
    // SAFETY: handlers follow the contract in README.md.

    /// <summary>All forms.</summary>
    public static void Register(OpTable table)
    {
        //                                         m32fp             m64fp             m32int             m16int             ST(0), ST(i)        ST(i), ST(0)        and pop
        Family<X87Operations.Add>(table, Code.Fadd_m32fp, Code.Fadd_m64fp, Code.Fiadd_m32int, Code.Fiadd_m16int, Code.Fadd_st0_sti, Code.Fadd_sti_st0, Code.Faddp_sti_st0);
        Family<X87Operations.Multiply>(table, Code.Fmul_m32fp, Code.Fmul_m64fp, Code.Fimul_m32int, Code.Fimul_m16int, Code.Fmul_st0_sti, Code.Fmul_sti_st0, Code.Fmulp_sti_st0);
        Family<X87Operations.Subtract>(table, Code.Fsub_m32fp, Code.Fsub_m64fp, Code.Fisub_m32int, Code.Fisub_m16int, Code.Fsub_st0_sti, Code.Fsub_sti_st0, Code.Fsubp_sti_st0);
        Family<X87Operations.SubtractReversed>(table, Code.Fsubr_m32fp, Code.Fsubr_m64fp, Code.Fisubr_m32int, Code.Fisubr_m16int, Code.Fsubr_st0_sti, Code.Fsubr_sti_st0, Code.Fsubrp_sti_st0);
        Family<X87Operations.Divide>(table, Code.Fdiv_m32fp, Code.Fdiv_m64fp, Code.Fidiv_m32int, Code.Fidiv_m16int, Code.Fdiv_st0_sti, Code.Fdiv_sti_st0, Code.Fdivp_sti_st0);
        Family<X87Operations.DivideReversed>(table, Code.Fdivr_m32fp, Code.Fdivr_m64fp, Code.Fidivr_m32int, Code.Fidivr_m16int, Code.Fdivr_st0_sti, Code.Fdivr_sti_st0, Code.Fdivrp_sti_st0);
    }

    private static void Family<TOperation>(
        OpTable table, Code single, Code wide, Code int32, Code int16, Code toTop, Code toRegister, Code popping)
        where TOperation : struct, IX87Operation
    {
        table.Add(single, &BindToTop<TOperation, FloatSource<SingleFormat, uint>>);
        table.Add(wide, &BindToTop<TOperation, FloatSource<DoubleFormat, ulong>>);
        table.Add(int32, &BindToTop<TOperation, IntegerSource<uint>>);
        table.Add(int16, &BindToTop<TOperation, IntegerSource<ushort>>);
        table.Add(toTop, &BindToTop<TOperation, StackSource>);
        table.Add(toRegister, &BindToRegister<TOperation>);
        table.Add(popping, &BindPopping<TOperation>);
    }

    private static void BindToTop<TOperation, TSource>(in Instruction instruction, in BindContext context, Op* op)
        where TOperation : struct, IX87Operation
        where TSource : struct, IX87Source => X87Form.Bind(instruction, context, op, &ToTop<TOperation, TSource>);

    private static void BindToRegister<TOperation>(in Instruction instruction, in BindContext context, Op* op)
        where TOperation : struct, IX87Operation => X87Form.Bind(instruction, context, op, &ToRegister<TOperation>);

    private static void BindPopping<TOperation>(in Instruction instruction, in BindContext context, Op* op)
        where TOperation : struct, IX87Operation => X87Form.Bind(instruction, context, op, &ToRegister<TOperation>, X87Form.Pop);

    private static Op* ToTop<TOperation, TSource>(CpuState* cpu, Op* op)
        where TOperation : struct, IX87Operation
        where TSource : struct, IX87Source
    {
        if (!X87Status.Ready(cpu) || !TSource.Read(cpu, op, out Unpacked source)) return Faults.Raise(cpu, op);
        X87Status.Track(cpu, op);
        FpEnvironment environment = X87Status.Environment(cpu);
        Float80 result = Float80.Indefinite;
        if (X87Stack.IsEmpty(cpu, 0) || TSource.IsEmpty(cpu, op)) environment.Flags = X87Status.Underflow;
        else result = TOperation.Apply(Unpacked.From(X87Stack.Read(cpu, 0)), source, ref environment);
        if (!environment.HasNoResult) X87Stack.Write(cpu, 0, result);
        X87Status.Merge(cpu, environment.Flags);
        return op + 1;
    }

    private static Op* ToRegister<TOperation>(CpuState* cpu, Op* op)
        where TOperation : struct, IX87Operation
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        X87Status.Track(cpu, op);
        int register = X87Form.Register(op);
        FpEnvironment environment = X87Status.Environment(cpu);
        Float80 result = Float80.Indefinite;
        if (X87Stack.IsEmpty(cpu, 0) || X87Stack.IsEmpty(cpu, register))
        {
            environment.Flags = X87Status.Underflow;
        }
        else
        {
            result = TOperation.Apply(
                Unpacked.From(X87Stack.Read(cpu, register)), Unpacked.From(X87Stack.Read(cpu, 0)), ref environment);
        }

        if (!environment.HasNoResult)
        {
            X87Stack.Write(cpu, register, result);
            if ((op->Extra & X87Form.Pop) != 0) X87Stack.Pop(cpu);
        }

        X87Status.Merge(cpu, environment.Flags);
        return op + 1;
    }
}
