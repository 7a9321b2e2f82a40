using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>FCOM, FUCOM, FICOM, FTST, FCOMI, FUCOMI and their popping forms; FXAM.</summary>
internal static unsafe class Comparisons
{
    // SAFETY: handlers follow the contract in README.md.
    private const int Conditions = X87Status.C0 | X87Status.C2 | X87Status.C3;

    /// <summary>All forms.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Fcom_m32fp, &Bind<FloatSource<SingleFormat, uint>, None>);
        table.Add(Code.Fcomp_m32fp, &Bind<FloatSource<SingleFormat, uint>, Pop>);
        table.Add(Code.Fcom_m64fp, &Bind<FloatSource<DoubleFormat, ulong>, None>);
        table.Add(Code.Fcomp_m64fp, &Bind<FloatSource<DoubleFormat, ulong>, Pop>);
        table.Add(Code.Ficom_m32int, &Bind<IntegerSource<uint>, None>);
        table.Add(Code.Ficomp_m32int, &Bind<IntegerSource<uint>, Pop>);
        table.Add(Code.Ficom_m16int, &Bind<IntegerSource<ushort>, None>);
        table.Add(Code.Ficomp_m16int, &Bind<IntegerSource<ushort>, Pop>);
        table.Add(Code.Fcom_st0_sti, &Bind<StackSource, None>);
        table.Add(Code.Fcom_st0_sti_DCD0, &Bind<StackSource, None>);
        table.Add(Code.Fcomp_st0_sti, &Bind<StackSource, Pop>);
        table.Add(Code.Fcomp_st0_sti_DCD8, &Bind<StackSource, Pop>);
        table.Add(Code.Fcomp_st0_sti_DED0, &Bind<StackSource, Pop>);
        table.Add(Code.Fcompp, &BindPair<PopTwice>);
        table.Add(Code.Fucom_st0_sti, &Bind<StackSource, Unordered>);
        table.Add(Code.Fucomp_st0_sti, &Bind<StackSource, UnorderedPop>);
        table.Add(Code.Fucompp, &BindPair<UnorderedPopTwice>);
        table.Add(Code.Fcomi_st0_sti, &Bind<StackSource, Eflags>);
        table.Add(Code.Fcomip_st0_sti, &Bind<StackSource, EflagsPop>);
        table.Add(Code.Fucomi_st0_sti, &Bind<StackSource, UnorderedEflags>);
        table.Add(Code.Fucomip_st0_sti, &Bind<StackSource, UnorderedEflagsPop>);
        table.Add(Code.Ftst, &Bind<ZeroSource, None>);
        table.Add(Code.Fxam, &BindExamine);
    }

    private interface IVariant
    {
        static abstract ushort Bits { get; }
    }

    private readonly struct None : IVariant
    {
        public static ushort Bits => 0;
    }

    private readonly struct Pop : IVariant
    {
        public static ushort Bits => X87Form.Pop;
    }

    private readonly struct PopTwice : IVariant
    {
        public static ushort Bits => X87Form.PopTwice;
    }

    private readonly struct Unordered : IVariant
    {
        public static ushort Bits => X87Form.QuietIsValid;
    }

    private readonly struct UnorderedPop : IVariant
    {
        public static ushort Bits => X87Form.QuietIsValid | X87Form.Pop;
    }

    private readonly struct UnorderedPopTwice : IVariant
    {
        public static ushort Bits => X87Form.QuietIsValid | X87Form.PopTwice;
    }

    private readonly struct Eflags : IVariant
    {
        public static ushort Bits => X87Form.ToEflags;
    }

    private readonly struct EflagsPop : IVariant
    {
        public static ushort Bits => X87Form.ToEflags | X87Form.Pop;
    }

    private readonly struct UnorderedEflags : IVariant
    {
        public static ushort Bits => X87Form.QuietIsValid | X87Form.ToEflags;
    }

    private readonly struct UnorderedEflagsPop : IVariant
    {
        public static ushort Bits => X87Form.QuietIsValid | X87Form.ToEflags | X87Form.Pop;
    }

    private readonly struct ZeroSource : IX87Source
    {
        public static bool Read(CpuState* cpu, Op* op, out Unpacked value)
        {
            value = default;
            return true;
        }

        public static bool IsEmpty(CpuState* cpu, Op* op) => false;
    }

    private static void Bind<TSource, TVariant>(in Instruction instruction, in BindContext context, Op* op)
        where TSource : struct, IX87Source
        where TVariant : struct, IVariant => X87Form.Bind(instruction, context, op, &Compare<TSource>, TVariant.Bits);

    private static void BindPair<TVariant>(in Instruction instruction, in BindContext context, Op* op)
        where TVariant : struct, IVariant => X87Form.Bind(instruction, context, op, &Compare<StackSource>, (ushort)(TVariant.Bits | 1));

    private static Op* Compare<TSource>(CpuState* cpu, Op* op)
        where TSource : struct, IX87Source
    {
        if (!X87Status.Ready(cpu) || !TSource.Read(cpu, op, out Unpacked source)) return Faults.Raise(cpu, op);
        X87Status.Track(cpu, op);
        FpEnvironment environment = X87Status.Environment(cpu);
        FpRelation relation = FpRelation.Unordered;
        if (X87Stack.IsEmpty(cpu, 0) || TSource.IsEmpty(cpu, op))
        {
            environment.Flags = X87Status.Underflow;
        }
        else
        {
            bool quietIsInvalid = (op->Extra & X87Form.QuietIsValid) == 0;
            relation = X87Arithmetic.Compare(Unpacked.From(X87Stack.Read(cpu, 0)), source, quietIsInvalid, ref environment);
        }

        bool toEflags = (op->Extra & X87Form.ToEflags) != 0;
        bool keepsC1 = toEflags && HostAnswers.CompareToFlagsKeepsC1 && (environment.Flags & X87Status.StackFault) == 0;
        int kept = keepsC1 ? cpu->Fsw & X87Status.C1 : 0;
        X87Status.Merge(cpu, environment.Flags | kept);
        if (toEflags)
        {
            Flags.SetArithmetic(cpu, relation switch
            {
                FpRelation.Less => Flags.Cf,
                FpRelation.Equal => Flags.Zf,
                FpRelation.Greater => 0,
                _ => Flags.Zf | Flags.Pf | Flags.Cf,
            });
        }
        else
        {
            X87Status.SetConditions(cpu, Conditions, relation switch
            {
                FpRelation.Less => X87Status.C0,
                FpRelation.Equal => X87Status.C3,
                FpRelation.Greater => 0,
                _ => Conditions,
            });
        }

        if (environment.HasNoResult) return op + 1;
        if ((op->Extra & (X87Form.Pop | X87Form.PopTwice)) != 0) X87Stack.Pop(cpu);
        if ((op->Extra & X87Form.PopTwice) != 0) X87Stack.Pop(cpu);
        return op + 1;
    }

    private static void BindExamine(in Instruction instruction, in BindContext context, Op* op) =>
        X87Form.Bind(instruction, context, op, &Examine);

    private static Op* Examine(CpuState* cpu, Op* op)
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        X87Status.Track(cpu, op);
        Unpacked value = Unpacked.From(X87Stack.Read(cpu, 0));
        int codes = value.Class switch
        {
            _ when X87Stack.IsEmpty(cpu, 0) => X87Status.C3 | X87Status.C0,
            FpClass.QuietNan or FpClass.SignalingNan => X87Status.C0,
            FpClass.Infinity => X87Status.C2 | X87Status.C0,
            FpClass.Zero => X87Status.C3,
            FpClass.Finite when value.IsDenormal => X87Status.C3 | X87Status.C2,
            FpClass.Finite => X87Status.C2,
            _ => 0,
        };
        X87Status.SetConditions(cpu, Conditions | X87Status.C1, codes | (value.Negative ? X87Status.C1 : 0));
        return op + 1;
    }
}
