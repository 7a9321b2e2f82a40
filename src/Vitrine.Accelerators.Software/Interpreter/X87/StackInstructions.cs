using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Interpreter.Integer;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>FXCH, FCMOVcc, FFREE, FINCSTP, FDECSTP, FCHS, FABS, FNOP: nothing is computed.</summary>
internal static unsafe class StackInstructions
{
    // SAFETY: handlers follow the contract in README.md.

    /// <summary>All forms.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Fxch_st0_sti, &BindExchange);
        table.Add(Code.Fxch_st0_sti_DDC8, &BindExchange);
        table.Add(Code.Fxch_st0_sti_DFC8, &BindExchange);
        table.Add(Code.Fcmovb_st0_sti, &BindMove<IfB>);
        table.Add(Code.Fcmove_st0_sti, &BindMove<IfE>);
        table.Add(Code.Fcmovbe_st0_sti, &BindMove<IfBe>);
        table.Add(Code.Fcmovu_st0_sti, &BindMove<IfP>);
        table.Add(Code.Fcmovnb_st0_sti, &BindMove<Unless<IfB>>);
        table.Add(Code.Fcmovne_st0_sti, &BindMove<Unless<IfE>>);
        table.Add(Code.Fcmovnbe_st0_sti, &BindMove<Unless<IfBe>>);
        table.Add(Code.Fcmovnu_st0_sti, &BindMove<Unless<IfP>>);
        table.Add(Code.Ffree_sti, &BindFree);
        table.Add(Code.Ffreep_sti, &BindFreePop);
        table.Add(Code.Fincstp, &BindRotate<Up>);
        table.Add(Code.Fdecstp, &BindRotate<Down>);
        table.Add(Code.Fchs, &BindSign<Change>);
        table.Add(Code.Fabs, &BindSign<Clear>);
        table.Add(Code.Fnop, &BindNop);
    }

    private interface IStep
    {
        static abstract int Value { get; }
    }

    private readonly struct Up : IStep
    {
        public static int Value => 1;
    }

    private readonly struct Down : IStep
    {
        public static int Value => -1;
    }

    private interface ISignChange
    {
        static abstract int Apply(int signExponent);
    }

    private readonly struct Change : ISignChange
    {
        public static int Apply(int signExponent) => signExponent ^ 0x8000;
    }

    private readonly struct Clear : ISignChange
    {
        public static int Apply(int signExponent) => signExponent & 0x7FFF;
    }

    private static void BindExchange(in Instruction instruction, in BindContext context, Op* op) =>
        X87Form.Bind(instruction, context, op, &Exchange);

    private static void BindMove<TCondition>(in Instruction instruction, in BindContext context, Op* op)
        where TCondition : ICondition => X87Form.Bind(instruction, context, op, &Move<TCondition>);

    private static void BindFree(in Instruction instruction, in BindContext context, Op* op) =>
        X87Form.Bind(instruction, context, op, &Free);

    private static void BindFreePop(in Instruction instruction, in BindContext context, Op* op) =>
        X87Form.Bind(instruction, context, op, &Free, X87Form.Pop);

    private static void BindRotate<TStep>(in Instruction instruction, in BindContext context, Op* op)
        where TStep : struct, IStep => X87Form.Bind(instruction, context, op, &Rotate<TStep>);

    private static void BindSign<TChange>(in Instruction instruction, in BindContext context, Op* op)
        where TChange : struct, ISignChange => X87Form.Bind(instruction, context, op, &Sign<TChange>);

    private static void BindNop(in Instruction instruction, in BindContext context, Op* op) =>
        X87Form.Bind(instruction, context, op, &Nop);

    private static Op* Exchange(CpuState* cpu, Op* op)
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        X87Status.Track(cpu, op);
        int register = X87Form.Register(op);
        FpEnvironment environment = X87Status.Environment(cpu);
        Float80 top = X87Stack.Read(cpu, 0);
        Float80 other = X87Stack.Read(cpu, register);
        // An empty register takes part as the real indefinite.
        if (X87Stack.IsEmpty(cpu, 0))
        {
            environment.Flags = X87Status.Underflow;
            top = Float80.Indefinite;
        }

        if (X87Stack.IsEmpty(cpu, register))
        {
            environment.Flags = X87Status.Underflow;
            other = Float80.Indefinite;
        }

        if (!environment.HasNoResult)
        {
            X87Stack.Write(cpu, 0, other);
            X87Stack.Write(cpu, register, top);
        }

        X87Status.Merge(cpu, environment.Flags);
        return op + 1;
    }

    private static Op* Move<TCondition>(CpuState* cpu, Op* op)
        where TCondition : ICondition
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        X87Status.Track(cpu, op);
        int register = X87Form.Register(op);
        FpEnvironment environment = X87Status.Environment(cpu);
        // Whether or not the condition holds, both registers must be in use.
        if (X87Stack.IsEmpty(cpu, 0) || X87Stack.IsEmpty(cpu, register))
        {
            environment.Flags = X87Status.Underflow;
            if (!environment.HasNoResult) X87Stack.Write(cpu, 0, Float80.Indefinite);
            X87Status.Merge(cpu, environment.Flags);
        }
        else if (TCondition.Holds(cpu))
        {
            X87Stack.Write(cpu, 0, X87Stack.Read(cpu, register));
        }

        return op + 1;
    }

    private static Op* Free(CpuState* cpu, Op* op)
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        X87Status.Track(cpu, op);
        X87Stack.Free(cpu, X87Form.Register(op));
        if ((op->Extra & X87Form.Pop) != 0) X87Stack.Pop(cpu);
        X87Status.Merge(cpu, 0);
        return op + 1;
    }

    private static Op* Rotate<TStep>(CpuState* cpu, Op* op)
        where TStep : struct, IStep
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        X87Status.Track(cpu, op);
        cpu->FpuTop = (byte)((cpu->FpuTop + TStep.Value) & 7);
        X87Status.Merge(cpu, 0);
        return op + 1;
    }

    private static Op* Sign<TChange>(CpuState* cpu, Op* op)
        where TChange : struct, ISignChange
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        X87Status.Track(cpu, op);
        FpEnvironment environment = X87Status.Environment(cpu);
        Float80 value = X87Stack.Read(cpu, 0);
        if (X87Stack.IsEmpty(cpu, 0))
        {
            environment.Flags = X87Status.Underflow;
            value = Float80.Indefinite;
        }
        else
        {
            value = value with { SignExponent = (ushort)TChange.Apply(value.SignExponent) };
        }

        if (!environment.HasNoResult) X87Stack.Write(cpu, 0, value);
        X87Status.Merge(cpu, environment.Flags);
        return op + 1;
    }

    private static Op* Nop(CpuState* cpu, Op* op)
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        X87Status.Track(cpu, op);
        return op + 1;
    }
}
