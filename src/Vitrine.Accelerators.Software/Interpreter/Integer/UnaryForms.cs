using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.Interpreter.Integer;

/// <summary>INC, DEC, NOT and NEG in all their forms.</summary>
internal static unsafe class UnaryForms
{
    // SAFETY: handlers follow the contract in README.md.

    /// <summary>All forms.</summary>
    public static void Register(OpTable table)
    {
        Family<Inc>(table, Code.Inc_rm8, Code.Inc_rm16, Code.Inc_rm32, Code.Inc_rm64);
        Family<Dec>(table, Code.Dec_rm8, Code.Dec_rm16, Code.Dec_rm32, Code.Dec_rm64);
        Family<Not>(table, Code.Not_rm8, Code.Not_rm16, Code.Not_rm32, Code.Not_rm64);
        Family<Neg>(table, Code.Neg_rm8, Code.Neg_rm16, Code.Neg_rm32, Code.Neg_rm64);
        table.Add(Code.Inc_r16, &Bind<Inc, ushort>);
        table.Add(Code.Inc_r32, &Bind<Inc, uint>);
        table.Add(Code.Dec_r16, &Bind<Dec, ushort>);
        table.Add(Code.Dec_r32, &Bind<Dec, uint>);
    }

    private static void Family<TOperation>(OpTable table, Code rm8, Code rm16, Code rm32, Code rm64)
        where TOperation : IUnaryOperation
    {
        table.Add(rm8, &Bind<TOperation, byte>);
        table.Add(rm16, &Bind<TOperation, ushort>);
        table.Add(rm32, &Bind<TOperation, uint>);
        table.Add(rm64, &Bind<TOperation, ulong>);
    }

    private static void Bind<TOperation, T>(in Instruction instruction, in BindContext context, Op* op)
        where TOperation : IUnaryOperation
        where T : unmanaged
    {
        Operands.Destination(instruction, op);
        if (!Operands.IsMemory(instruction, 0))
        {
            op->Handler = &Register<TOperation, T>;
            return;
        }

        if (instruction.HasLockPrefix)
        {
            op->Handler = &MemoryLocked<TOperation, T>;
            return;
        }

        op->Handler = op->Form switch
        {
            AddressForm.BaseDisplacement => &Memory<TOperation, T, BaseDisplacementAddress>,
            AddressForm.Long => &Memory<TOperation, T, LongAddress>,
            _ => &Memory<TOperation, T, LegacyAddress>,
        };
    }

    private static Op* Register<TOperation, T>(CpuState* cpu, Op* op)
        where TOperation : IUnaryOperation
        where T : unmanaged
    {
        ulong a = Width.ReadRegister<T>(cpu, op->Dst);
        ulong r = TOperation.Apply<T>(a);
        TOperation.SetFlags<T>(cpu, a, r);
        Width.WriteRegister<T>(cpu, op->Dst, r);
        return op + 1;
    }

    private static Op* Memory<TOperation, T, TAddress>(CpuState* cpu, Op* op)
        where TOperation : IUnaryOperation
        where T : unmanaged
        where TAddress : IAddress
    {
        if (!TAddress.ForWrite(cpu, op, sizeof(T), out ulong linear)) return Faults.Raise(cpu, op);
        T* pointer = (T*)GuestAccess.TryWritePointer<T>(cpu, linear);
        ulong a;
        ulong r;
        if (pointer != null)
        {
            a = Width.ToUInt64(*pointer);
            r = TOperation.Apply<T>(a);
            *pointer = Width.From<T>(r);
        }
        else
        {
            if (!GuestAccess.ReadForWrite(cpu, op, linear, out T value)) return Faults.Raise(cpu, op);
            a = Width.ToUInt64(value);
            r = TOperation.Apply<T>(a);
            if (!GuestAccess.Write(cpu, op, linear, Width.From<T>(r))) return Faults.Raise(cpu, op);
        }

        TOperation.SetFlags<T>(cpu, a, r);
        return op + 1;
    }

    private static Op* MemoryLocked<TOperation, T>(CpuState* cpu, Op* op)
        where TOperation : IUnaryOperation
        where T : unmanaged
    {
        LockedOperand operand;
        if (!AnyAddress.ForWrite(cpu, op, sizeof(T), out ulong linear) || !LockedAccess.Begin<T>(cpu, op, linear, &operand)) return Faults.Raise(cpu, op);
        T value = LockedAccess.Read<T>(&operand);
        ulong r;
        do r = TOperation.Apply<T>(Width.ToUInt64(value));
        while (!LockedAccess.TryReplace(&operand, ref value, r));
        if (!LockedAccess.End<T>(cpu, op, &operand)) return Faults.Raise(cpu, op);
        TOperation.SetFlags<T>(cpu, Width.ToUInt64(value), r);
        return op + 1;
    }
}
