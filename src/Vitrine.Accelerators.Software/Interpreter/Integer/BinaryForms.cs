using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.Interpreter.Integer;

/// <summary>ADD, OR, ADC, SBB, AND, SUB, XOR, CMP and TEST in all their forms.</summary>
internal static unsafe class BinaryForms
{
    // SAFETY: handlers follow the contract in README.md; pointers from TryWritePointer are used before anything else runs.

    /// <summary>All forms of the nine instructions.</summary>
    public static void Register(OpTable table)
    {
        Family<Add>(table, Code.Add_rm8_r8, Code.Add_rm8_imm8);
        Family<Or>(table, Code.Or_rm8_r8, Code.Or_rm8_imm8);
        Family<Adc>(table, Code.Adc_rm8_r8, Code.Adc_rm8_imm8);
        Family<Sbb>(table, Code.Sbb_rm8_r8, Code.Sbb_rm8_imm8);
        Family<And>(table, Code.And_rm8_r8, Code.And_rm8_imm8);
        Family<Sub>(table, Code.Sub_rm8_r8, Code.Sub_rm8_imm8);
        Family<Xor>(table, Code.Xor_rm8_r8, Code.Xor_rm8_imm8);
        Family<Cmp>(table, Code.Cmp_rm8_r8, Code.Cmp_rm8_imm8);
        Immediates<Add>(table, Code.Add_rm8_imm8_82, Code.Add_rm16_imm16, Code.Add_rm32_imm32, Code.Add_rm64_imm32, Code.Add_rm16_imm8, Code.Add_rm32_imm8, Code.Add_rm64_imm8);
        Immediates<Or>(table, Code.Or_rm8_imm8_82, Code.Or_rm16_imm16, Code.Or_rm32_imm32, Code.Or_rm64_imm32, Code.Or_rm16_imm8, Code.Or_rm32_imm8, Code.Or_rm64_imm8);
        Immediates<Adc>(table, Code.Adc_rm8_imm8_82, Code.Adc_rm16_imm16, Code.Adc_rm32_imm32, Code.Adc_rm64_imm32, Code.Adc_rm16_imm8, Code.Adc_rm32_imm8, Code.Adc_rm64_imm8);
        Immediates<Sbb>(table, Code.Sbb_rm8_imm8_82, Code.Sbb_rm16_imm16, Code.Sbb_rm32_imm32, Code.Sbb_rm64_imm32, Code.Sbb_rm16_imm8, Code.Sbb_rm32_imm8, Code.Sbb_rm64_imm8);
        Immediates<And>(table, Code.And_rm8_imm8_82, Code.And_rm16_imm16, Code.And_rm32_imm32, Code.And_rm64_imm32, Code.And_rm16_imm8, Code.And_rm32_imm8, Code.And_rm64_imm8);
        Immediates<Sub>(table, Code.Sub_rm8_imm8_82, Code.Sub_rm16_imm16, Code.Sub_rm32_imm32, Code.Sub_rm64_imm32, Code.Sub_rm16_imm8, Code.Sub_rm32_imm8, Code.Sub_rm64_imm8);
        Immediates<Xor>(table, Code.Xor_rm8_imm8_82, Code.Xor_rm16_imm16, Code.Xor_rm32_imm32, Code.Xor_rm64_imm32, Code.Xor_rm16_imm8, Code.Xor_rm32_imm8, Code.Xor_rm64_imm8);
        Immediates<Cmp>(table, Code.Cmp_rm8_imm8_82, Code.Cmp_rm16_imm16, Code.Cmp_rm32_imm32, Code.Cmp_rm64_imm32, Code.Cmp_rm16_imm8, Code.Cmp_rm32_imm8, Code.Cmp_rm64_imm8);

        table.Add(Code.Test_rm8_r8, &Bind<Test, byte>);
        table.Add(Code.Test_rm16_r16, &Bind<Test, ushort>);
        table.Add(Code.Test_rm32_r32, &Bind<Test, uint>);
        table.Add(Code.Test_rm64_r64, &Bind<Test, ulong>);
        table.Add(Code.Test_AL_imm8, &Bind<Test, byte>);
        table.Add(Code.Test_AX_imm16, &Bind<Test, ushort>);
        table.Add(Code.Test_EAX_imm32, &Bind<Test, uint>);
        table.Add(Code.Test_RAX_imm32, &Bind<Test, ulong>);
        table.Add(Code.Test_rm8_imm8, &Bind<Test, byte>);
        table.Add(Code.Test_rm8_imm8_F6r1, &Bind<Test, byte>);
        table.Add(Code.Test_rm16_imm16, &Bind<Test, ushort>);
        table.Add(Code.Test_rm16_imm16_F7r1, &Bind<Test, ushort>);
        table.Add(Code.Test_rm32_imm32, &Bind<Test, uint>);
        table.Add(Code.Test_rm32_imm32_F7r1, &Bind<Test, uint>);
        table.Add(Code.Test_rm64_imm32, &Bind<Test, ulong>);
        table.Add(Code.Test_rm64_imm32_F7r1, &Bind<Test, ulong>);
    }

    // Iced numbers the forms of an instruction as the opcode map does: rm_r, r_rm, accumulator, each by width.
    private static void Family<TOperation>(OpTable table, Code first, Code rm8Imm8)
        where TOperation : IBinaryOperation
    {
        for (int form = 0; form < 3; form++)
        {
            table.Add(first + (form * 4), &Bind<TOperation, byte>);
            table.Add(first + (form * 4) + 1, &Bind<TOperation, ushort>);
            table.Add(first + (form * 4) + 2, &Bind<TOperation, uint>);
            table.Add(first + (form * 4) + 3, &Bind<TOperation, ulong>);
        }

        table.Add(rm8Imm8, &Bind<TOperation, byte>);
    }

    private static void Immediates<TOperation>(OpTable table, Code rm8Alias, Code rm16, Code rm32, Code rm64, Code rm16Imm8, Code rm32Imm8, Code rm64Imm8)
        where TOperation : IBinaryOperation
    {
        table.Add(rm8Alias, &Bind<TOperation, byte>);
        table.Add(rm16, &Bind<TOperation, ushort>);
        table.Add(rm16Imm8, &Bind<TOperation, ushort>);
        table.Add(rm32, &Bind<TOperation, uint>);
        table.Add(rm32Imm8, &Bind<TOperation, uint>);
        table.Add(rm64, &Bind<TOperation, ulong>);
        table.Add(rm64Imm8, &Bind<TOperation, ulong>);
    }

    private static void Bind<TOperation, T>(in Instruction instruction, in BindContext context, Op* op)
        where TOperation : IBinaryOperation
        where T : unmanaged
    {
        Operands.Destination(instruction, op);
        Operands.Source(instruction, op);
        bool memoryFirst = Operands.IsMemory(instruction, 0);
        if (memoryFirst && instruction.HasLockPrefix)
        {
            op->Handler = instruction.Op1Kind == OpKind.Register ? &ModifyLocked<TOperation, T, RegisterSource> : &ModifyLocked<TOperation, T, ImmediateSource>;
        }
        else if (Operands.IsMemory(instruction, 1))
        {
            op->Handler = op->Form switch
            {
                AddressForm.BaseDisplacement => &Load<TOperation, T, BaseDisplacementAddress>,
                AddressForm.Long => &Load<TOperation, T, LongAddress>,
                _ => &Load<TOperation, T, LegacyAddress>,
            };
        }
        else if (instruction.Op1Kind == OpKind.Register)
        {
            op->Handler = !memoryFirst ? (context.FlagsDead ? &Register<TOperation, T, RegisterSource, DeadFlags> : &Register<TOperation, T, RegisterSource, LiveFlags>)
                : MemoryForm<TOperation, T, RegisterSource>(op->Form);
        }
        else
        {
            op->Handler = !memoryFirst ? (context.FlagsDead ? &Register<TOperation, T, ImmediateSource, DeadFlags> : &Register<TOperation, T, ImmediateSource, LiveFlags>)
                : MemoryForm<TOperation, T, ImmediateSource>(op->Form);
        }
    }

    private static Handler MemoryForm<TOperation, T, TSource>(AddressForm form)
        where TOperation : IBinaryOperation
        where T : unmanaged
        where TSource : ISource => form switch
        {
            AddressForm.BaseDisplacement => &Modify<TOperation, T, TSource, BaseDisplacementAddress>,
            AddressForm.Long => &Modify<TOperation, T, TSource, LongAddress>,
            _ => &Modify<TOperation, T, TSource, LegacyAddress>,
        };

    private static Op* Register<TOperation, T, TSource, TFlags>(CpuState* cpu, Op* op)
        where TOperation : IBinaryOperation
        where T : unmanaged
        where TSource : ISource
        where TFlags : IFlagUse
    {
        ulong a = Width.ReadRegister<T>(cpu, op->Dst);
        ulong r = TOperation.Apply<T>(cpu, a, TSource.Get<T>(cpu, op), out uint aux);
        if (TFlags.Live) Flags.Set<T>(cpu, r, aux);
        if (TOperation.Writes) Width.WriteRegister<T>(cpu, op->Dst, r);
        return op + 1;
    }

    private static Op* Load<TOperation, T, TAddress>(CpuState* cpu, Op* op)
        where TOperation : IBinaryOperation
        where T : unmanaged
        where TAddress : IAddress
    {
        if (!TAddress.ForRead(cpu, op, sizeof(T), out ulong linear) || !GuestAccess.Read(cpu, op, linear, out T value)) return Faults.Raise(cpu, op);
        ulong a = Width.ReadRegister<T>(cpu, op->Dst);
        ulong r = TOperation.Apply<T>(cpu, a, Width.ToUInt64(value), out uint aux);
        Flags.Set<T>(cpu, r, aux);
        if (TOperation.Writes) Width.WriteRegister<T>(cpu, op->Dst, r);
        return op + 1;
    }

    private static Op* Modify<TOperation, T, TSource, TAddress>(CpuState* cpu, Op* op)
        where TOperation : IBinaryOperation
        where T : unmanaged
        where TSource : ISource
        where TAddress : IAddress
    {
        ulong b = TSource.Get<T>(cpu, op);
        if (!TOperation.Writes)
        {
            if (!TAddress.ForRead(cpu, op, sizeof(T), out ulong from) || !GuestAccess.Read(cpu, op, from, out T read)) return Faults.Raise(cpu, op);
            ulong compared = TOperation.Apply<T>(cpu, Width.ToUInt64(read), b, out uint comparedAux);
            Flags.Set<T>(cpu, compared, comparedAux);
            return op + 1;
        }

        if (!TAddress.ForWrite(cpu, op, sizeof(T), out ulong linear)) return Faults.Raise(cpu, op);
        T* pointer = (T*)GuestAccess.TryWritePointer<T>(cpu, linear);
        ulong r;
        uint aux;
        if (pointer != null)
        {
            r = TOperation.Apply<T>(cpu, Width.ToUInt64(*pointer), b, out aux);
            *pointer = Width.From<T>(r);
        }
        else
        {
            if (!GuestAccess.ReadForWrite(cpu, op, linear, out T value)) return Faults.Raise(cpu, op);
            r = TOperation.Apply<T>(cpu, Width.ToUInt64(value), b, out aux);
            if (!GuestAccess.Write(cpu, op, linear, Width.From<T>(r))) return Faults.Raise(cpu, op);
        }

        Flags.Set<T>(cpu, r, aux);
        return op + 1;
    }

    private static Op* ModifyLocked<TOperation, T, TSource>(CpuState* cpu, Op* op)
        where TOperation : IBinaryOperation
        where T : unmanaged
        where TSource : ISource
    {
        LockedOperand operand;
        ulong b = TSource.Get<T>(cpu, op);
        if (!AnyAddress.ForWrite(cpu, op, sizeof(T), out ulong linear) || !LockedAccess.Begin<T>(cpu, op, linear, &operand)) return Faults.Raise(cpu, op);
        T value = LockedAccess.Read<T>(&operand);
        ulong r;
        uint aux;
        do r = TOperation.Apply<T>(cpu, Width.ToUInt64(value), b, out aux);
        while (!LockedAccess.TryReplace(&operand, ref value, r));
        if (!LockedAccess.End<T>(cpu, op, &operand)) return Faults.Raise(cpu, op);
        Flags.Set<T>(cpu, r, aux);
        return op + 1;
    }
}
