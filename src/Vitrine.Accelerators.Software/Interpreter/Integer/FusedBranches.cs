using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter.Integer;

/// <summary>
/// CMP or TEST of registers with the conditional jump behind it, as one operation of 64-bit code: the condition comes
/// straight from the operands. The flags are stored all the same, for the code at the target may read them.
/// </summary>
internal static unsafe class FusedBranches
{
    // SAFETY: handlers follow the contract in README.md.

    /// <summary>Finds the fused handler for a pair, or null.</summary>
    /// <param name="first">CMP or TEST.</param>
    /// <param name="second">The jump.</param>
    /// <param name="immediate">True when the second operand is the immediate, false when it is a register.</param>
    public static Handler Find(in Instruction first, in Instruction second, out bool immediate)
    {
        immediate = first.Op1Kind != OpKind.Register;
        if (first.Op0Kind != OpKind.Register || first.Op1Kind == OpKind.Memory) return null;
        int condition = (int)second.ConditionCode;
        if (condition == 0 || !second.IsJccShortOrNear || second.CodeSize != CodeSize.Code64) return null;
        int size = first.Op0Register.GetSize();
        return first.Mnemonic switch
        {
            Mnemonic.Cmp => immediate ? BySize<Cmp, ImmediateSource>(size, second.ConditionCode) : BySize<Cmp, RegisterSource>(size, second.ConditionCode),
            Mnemonic.Test => immediate ? BySize<Test, ImmediateSource>(size, second.ConditionCode) : BySize<Test, RegisterSource>(size, second.ConditionCode),
            _ => null,
        };
    }

    private static Handler BySize<TOperation, TSource>(int size, ConditionCode condition)
        where TOperation : IBinaryOperation
        where TSource : ISource => size switch
        {
            1 => ByCondition<TOperation, byte, TSource>(condition),
            2 => ByCondition<TOperation, ushort, TSource>(condition),
            4 => ByCondition<TOperation, uint, TSource>(condition),
            _ => ByCondition<TOperation, ulong, TSource>(condition),
        };

    private static Handler ByCondition<TOperation, T, TSource>(ConditionCode condition)
        where TOperation : IBinaryOperation
        where T : unmanaged
        where TSource : ISource => condition switch
        {
            ConditionCode.b => &Execute<TOperation, T, TSource, IfB>,
            ConditionCode.ae => &Execute<TOperation, T, TSource, Unless<IfB>>,
            ConditionCode.e => &Execute<TOperation, T, TSource, IfE>,
            ConditionCode.ne => &Execute<TOperation, T, TSource, Unless<IfE>>,
            ConditionCode.be => &Execute<TOperation, T, TSource, IfBe>,
            ConditionCode.a => &Execute<TOperation, T, TSource, Unless<IfBe>>,
            ConditionCode.s => &Execute<TOperation, T, TSource, IfS>,
            ConditionCode.ns => &Execute<TOperation, T, TSource, Unless<IfS>>,
            ConditionCode.l => &Execute<TOperation, T, TSource, IfL>,
            ConditionCode.ge => &Execute<TOperation, T, TSource, Unless<IfL>>,
            ConditionCode.le => &Execute<TOperation, T, TSource, IfLe>,
            ConditionCode.g => &Execute<TOperation, T, TSource, Unless<IfLe>>,
            _ => null,
        };

    private static Op* Execute<TOperation, T, TSource, TCondition>(CpuState* cpu, Op* op)
        where TOperation : IBinaryOperation
        where T : unmanaged
        where TSource : ISource
        where TCondition : ICondition
    {
        ulong a = Width.ReadRegister<T>(cpu, op->Dst);
        ulong b = TSource.Get<T>(cpu, op);
        ulong r = TOperation.Apply<T>(cpu, a, b, out uint aux);
        Flags.Set<T>(cpu, r, aux);
        bool taken = typeof(TOperation) == typeof(Cmp) ? TCondition.AfterCompare<T>(a, b) : TCondition.AfterCompare<T>(Width.Truncate<T>(r), 0);
        return taken ? ControlFlow.GoLinked(cpu, op, cpu->BlockRip + (ulong)op->Disp) : op + 1;
    }
}
