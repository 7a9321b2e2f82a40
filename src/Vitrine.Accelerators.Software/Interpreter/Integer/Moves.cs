using System.Buffers.Binary;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.Interpreter.Integer;

/// <summary>MOV between registers, memory and immediates; MOVZX, MOVSX, MOVSXD; LEA; XCHG; BSWAP; XLAT; NOP.</summary>
internal static unsafe class Moves
{
    // SAFETY: handlers follow the contract in README.md.

    /// <summary>All forms.</summary>
    public static void Register(OpTable table)
    {
        Widths(table, Code.Mov_rm8_r8);
        Widths(table, Code.Mov_r8_rm8);
        Widths(table, Code.Mov_AL_moffs8);
        Widths(table, Code.Mov_moffs8_AL);
        table.Add(Code.Mov_rm8_imm8, &BindMove<byte>);
        table.Add(Code.Mov_rm16_imm16, &BindMove<ushort>);
        table.Add(Code.Mov_rm32_imm32, &BindMove<uint>);
        table.Add(Code.Mov_rm64_imm32, &BindMove<ulong>);
        table.Add(Code.Mov_r8_imm8, &BindMove<byte>);
        table.Add(Code.Mov_r16_imm16, &BindMove<ushort>);
        table.Add(Code.Mov_r32_imm32, &BindMove<uint>);
        table.Add(Code.Mov_r64_imm64, &BindMove<ulong>);

        table.Add(Code.Movzx_r16_rm8, &BindExtend<ushort, byte, ZeroExtend>);
        table.Add(Code.Movzx_r32_rm8, &BindExtend<uint, byte, ZeroExtend>);
        table.Add(Code.Movzx_r64_rm8, &BindExtend<ulong, byte, ZeroExtend>);
        table.Add(Code.Movzx_r16_rm16, &BindExtend<ushort, ushort, ZeroExtend>);
        table.Add(Code.Movzx_r32_rm16, &BindExtend<uint, ushort, ZeroExtend>);
        table.Add(Code.Movzx_r64_rm16, &BindExtend<ulong, ushort, ZeroExtend>);
        table.Add(Code.Movsx_r16_rm8, &BindExtend<ushort, byte, SignExtend>);
        table.Add(Code.Movsx_r32_rm8, &BindExtend<uint, byte, SignExtend>);
        table.Add(Code.Movsx_r64_rm8, &BindExtend<ulong, byte, SignExtend>);
        table.Add(Code.Movsx_r16_rm16, &BindExtend<ushort, ushort, SignExtend>);
        table.Add(Code.Movsx_r32_rm16, &BindExtend<uint, ushort, SignExtend>);
        table.Add(Code.Movsx_r64_rm16, &BindExtend<ulong, ushort, SignExtend>);
        table.Add(Code.Movsxd_r16_rm16, &BindExtend<ushort, ushort, SignExtend>);
        table.Add(Code.Movsxd_r32_rm32, &BindExtend<uint, uint, SignExtend>);
        table.Add(Code.Movsxd_r64_rm32, &BindExtend<ulong, uint, SignExtend>);

        table.Add(Code.Lea_r16_m, &BindLea<ushort>);
        table.Add(Code.Lea_r32_m, &BindLea<uint>);
        table.Add(Code.Lea_r64_m, &BindLea<ulong>);

        table.Add(Code.Xchg_rm8_r8, &BindExchange<byte>);
        table.Add(Code.Xchg_rm16_r16, &BindExchange<ushort>);
        table.Add(Code.Xchg_rm32_r32, &BindExchange<uint>);
        table.Add(Code.Xchg_rm64_r64, &BindExchange<ulong>);
        table.Add(Code.Xchg_r16_AX, &BindExchange<ushort>);
        table.Add(Code.Xchg_r32_EAX, &BindExchange<uint>);
        table.Add(Code.Xchg_r64_RAX, &BindExchange<ulong>);

        table.Add(Code.Bswap_r16, &BindBswap16);
        table.Add(Code.Bswap_r32, &BindBswap32);
        table.Add(Code.Bswap_r64, &BindBswap64);
        table.Add(Code.Xlat_m8, &BindXlat);

        table.Add(Code.Nopw, &BindNop);
        table.Add(Code.Nopd, &BindNop);
        table.Add(Code.Nopq, &BindNop);
        table.Add(Code.Nop_rm16, &BindNop);
        table.Add(Code.Nop_rm32, &BindNop);
        table.Add(Code.Nop_rm64, &BindNop);
        for (Code code = Code.Reservednop_rm16_r16_0F0D; code <= Code.Reservednop_rm64_r64_0F0D; code++) table.Add(code, &BindNop);
        for (Code code = Code.Reservednop_rm16_r16_0F18; code <= Code.Reservednop_rm64_r64_0F1F; code++) table.Add(code, &BindNop);
    }

    /// <summary>Does nothing.</summary>
    public static Op* Nop(CpuState* cpu, Op* op) => op + 1;

    /// <summary>Binds an instruction that does nothing.</summary>
    public static void BindNop(in Instruction instruction, in BindContext context, Op* op) => op->Handler = &Nop;

    private static void Widths(OpTable table, Code first)
    {
        table.Add(first, &BindMove<byte>);
        table.Add(first + 1, &BindMove<ushort>);
        table.Add(first + 2, &BindMove<uint>);
        table.Add(first + 3, &BindMove<ulong>);
    }

    private static void BindMove<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged
    {
        Operands.Destination(instruction, op);
        Operands.Source(instruction, op);
        if (Operands.IsMemory(instruction, 1))
        {
            op->Handler = op->Form switch
            {
                AddressForm.BaseDisplacement => &Load<T, BaseDisplacementAddress>,
                AddressForm.Long => &Load<T, LongAddress>,
                _ => &Load<T, LegacyAddress>,
            };
        }
        else if (Operands.IsMemory(instruction, 0))
        {
            op->Handler = instruction.Op1Kind == OpKind.Register ? StoreForm<T, RegisterSource>(op->Form) : StoreForm<T, ImmediateSource>(op->Form);
        }
        else
        {
            op->Handler = instruction.Op1Kind == OpKind.Register ? &Copy<T, RegisterSource> : &Copy<T, ImmediateSource>;
        }
    }

    private static Handler StoreForm<T, TSource>(AddressForm form)
        where T : unmanaged
        where TSource : ISource => form switch
        {
            AddressForm.BaseDisplacement => &Store<T, TSource, BaseDisplacementAddress>,
            AddressForm.Long => &Store<T, TSource, LongAddress>,
            _ => &Store<T, TSource, LegacyAddress>,
        };

    private static Op* Copy<T, TSource>(CpuState* cpu, Op* op)
        where T : unmanaged
        where TSource : ISource
    {
        Width.WriteRegister<T>(cpu, op->Dst, TSource.Get<T>(cpu, op));
        return op + 1;
    }

    private static Op* Load<T, TAddress>(CpuState* cpu, Op* op)
        where T : unmanaged
        where TAddress : IAddress
    {
        if (!TAddress.ForRead(cpu, op, sizeof(T), out ulong linear) || !GuestAccess.Read(cpu, op, linear, out T value)) return Faults.Raise(cpu, op);
        Width.WriteRegister<T>(cpu, op->Dst, Width.ToUInt64(value));
        return op + 1;
    }

    private static Op* Store<T, TSource, TAddress>(CpuState* cpu, Op* op)
        where T : unmanaged
        where TSource : ISource
        where TAddress : IAddress
    {
        if (!TAddress.ForWrite(cpu, op, sizeof(T), out ulong linear) || !GuestAccess.Write(cpu, op, linear, Width.From<T>(TSource.Get<T>(cpu, op)))) return Faults.Raise(cpu, op);
        return op + 1;
    }

    private interface IExtension
    {
        static abstract ulong Extend<T>(ulong value)
            where T : unmanaged;
    }

    private readonly struct ZeroExtend : IExtension
    {
        public static ulong Extend<T>(ulong value)
            where T : unmanaged => value;
    }

    private readonly struct SignExtend : IExtension
    {
        public static ulong Extend<T>(ulong value)
            where T : unmanaged => Width.SignExtend<T>(value);
    }

    private static void BindExtend<TTo, TFrom, TExtension>(in Instruction instruction, in BindContext context, Op* op)
        where TTo : unmanaged
        where TFrom : unmanaged
        where TExtension : IExtension
    {
        Operands.Destination(instruction, op);
        Operands.Source(instruction, op);
        op->Handler = !Operands.IsMemory(instruction, 1) ? &ExtendRegister<TTo, TFrom, TExtension> : op->Form switch
        {
            AddressForm.BaseDisplacement => &ExtendMemory<TTo, TFrom, TExtension, BaseDisplacementAddress>,
            AddressForm.Long => &ExtendMemory<TTo, TFrom, TExtension, LongAddress>,
            _ => &ExtendMemory<TTo, TFrom, TExtension, LegacyAddress>,
        };
    }

    private static Op* ExtendRegister<TTo, TFrom, TExtension>(CpuState* cpu, Op* op)
        where TTo : unmanaged
        where TFrom : unmanaged
        where TExtension : IExtension
    {
        Width.WriteRegister<TTo>(cpu, op->Dst, TExtension.Extend<TFrom>(Width.ReadRegister<TFrom>(cpu, op->Src)));
        return op + 1;
    }

    private static Op* ExtendMemory<TTo, TFrom, TExtension, TAddress>(CpuState* cpu, Op* op)
        where TTo : unmanaged
        where TFrom : unmanaged
        where TExtension : IExtension
        where TAddress : IAddress
    {
        if (!TAddress.ForRead(cpu, op, sizeof(TFrom), out ulong linear) || !GuestAccess.Read(cpu, op, linear, out TFrom value)) return Faults.Raise(cpu, op);
        Width.WriteRegister<TTo>(cpu, op->Dst, TExtension.Extend<TFrom>(Width.ToUInt64(value)));
        return op + 1;
    }

    private static void BindLea<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged
    {
        Operands.Destination(instruction, op);
        op->Handler = op->Form switch
        {
            AddressForm.BaseDisplacement => &Lea<T, BaseDisplacementAddress>,
            AddressForm.Long => &Lea<T, LongAddress>,
            _ => &Lea<T, LegacyAddress>,
        };
    }

    private static Op* Lea<T, TAddress>(CpuState* cpu, Op* op)
        where T : unmanaged
        where TAddress : IAddress
    {
        Width.WriteRegister<T>(cpu, op->Dst, TAddress.Offset(cpu, op));
        return op + 1;
    }

    private static void BindExchange<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged
    {
        Operands.Destination(instruction, op);
        Operands.Source(instruction, op);
        op->Handler = Operands.IsMemory(instruction, 0) ? &ExchangeMemory<T> : &ExchangeRegisters<T>;
    }

    private static Op* ExchangeRegisters<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        ulong a = Width.ReadRegister<T>(cpu, op->Dst);
        Width.WriteRegister<T>(cpu, op->Dst, Width.ReadRegister<T>(cpu, op->Src));
        Width.WriteRegister<T>(cpu, op->Src, a);
        return op + 1;
    }

    // XCHG with memory is locked with or without the prefix (SDM vol. 2).
    private static Op* ExchangeMemory<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        LockedOperand operand;
        if (!AnyAddress.ForWrite(cpu, op, sizeof(T), out ulong linear) || !LockedAccess.Begin<T>(cpu, op, linear, &operand)) return Faults.Raise(cpu, op);
        T value = LockedAccess.Read<T>(&operand);
        while (!LockedAccess.TryReplace(&operand, ref value, Width.ReadRegister<T>(cpu, op->Src)))
        {
        }

        if (!LockedAccess.End<T>(cpu, op, &operand)) return Faults.Raise(cpu, op);
        Width.WriteRegister<T>(cpu, op->Src, Width.ToUInt64(value));
        return op + 1;
    }

    private static void BindBswap16(in Instruction instruction, in BindContext context, Op* op)
    {
        Operands.Destination(instruction, op);
        op->Handler = &Bswap16;
    }

    private static void BindBswap32(in Instruction instruction, in BindContext context, Op* op)
    {
        Operands.Destination(instruction, op);
        op->Handler = &Bswap32;
    }

    private static void BindBswap64(in Instruction instruction, in BindContext context, Op* op)
    {
        Operands.Destination(instruction, op);
        op->Handler = &Bswap64;
    }

    // Undefined by the manual; processors of both vendors clear the register.
    private static Op* Bswap16(CpuState* cpu, Op* op)
    {
        Width.WriteRegister<ushort>(cpu, op->Dst, 0);
        return op + 1;
    }

    private static Op* Bswap32(CpuState* cpu, Op* op)
    {
        Width.WriteRegister<uint>(cpu, op->Dst, BinaryPrimitives.ReverseEndianness((uint)Width.ReadRegister<uint>(cpu, op->Dst)));
        return op + 1;
    }

    private static Op* Bswap64(CpuState* cpu, Op* op)
    {
        Width.WriteRegister<ulong>(cpu, op->Dst, BinaryPrimitives.ReverseEndianness(Width.ReadRegister<ulong>(cpu, op->Dst)));
        return op + 1;
    }

    private static void BindXlat(in Instruction instruction, in BindContext context, Op* op)
    {
        // [rBX + AL]: the index is a byte register, so the address is formed by the handler.
        op->Index = CpuState.ZeroOffset;
        op->Form = context.Is64 && (op->Traits & OpTraits.Address32) == 0 ? AddressForm.Long : AddressForm.Legacy;
        op->Handler = &Xlat;
    }

    private static Op* Xlat(CpuState* cpu, Op* op)
    {
        Op indexed = *op;
        indexed.Disp += (byte)cpu->Gpr[0];
        if (!AnyAddress.ForRead(cpu, &indexed, 1, out ulong linear) || !GuestAccess.Read(cpu, op, linear, out byte value)) return Faults.Raise(cpu, op);
        *(byte*)cpu->Gpr = value;
        return op + 1;
    }
}
