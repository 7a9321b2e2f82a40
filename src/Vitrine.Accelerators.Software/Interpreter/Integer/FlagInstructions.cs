using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter.Integer;

/// <summary>CLC, STC, CMC, CLD, STD, LAHF, SAHF, SALC, sign extensions of the accumulator, and decimal adjustment.</summary>
internal static unsafe class FlagInstructions
{
    // SAFETY: handlers follow the contract in README.md.

    /// <summary>All of them.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Clc, &BindClc);
        table.Add(Code.Stc, &BindStc);
        table.Add(Code.Cmc, &BindCmc);
        table.Add(Code.Cld, &BindCld);
        table.Add(Code.Std, &BindStd);
        table.Add(Code.Lahf, &BindLahf);
        table.Add(Code.Sahf, &BindSahf);
        table.Add(Code.Salc, &BindSalc);
        table.Add(Code.Cbw, &BindCbw);
        table.Add(Code.Cwde, &BindCwde);
        table.Add(Code.Cdqe, &BindCdqe);
        table.Add(Code.Cwd, &BindCwd);
        table.Add(Code.Cdq, &BindCdq);
        table.Add(Code.Cqo, &BindCqo);
        table.Add(Code.Daa, &BindDaa);
        table.Add(Code.Das, &BindDas);
        table.Add(Code.Aaa, &BindAaa);
        table.Add(Code.Aas, &BindAas);
        table.Add(Code.Aam_imm8, &BindAam);
        table.Add(Code.Aad_imm8, &BindAad);
    }

    private static void BindClc(in Instruction i, in BindContext c, Op* op) => op->Handler = &Clc;

    private static void BindStc(in Instruction i, in BindContext c, Op* op) => op->Handler = &Stc;

    private static void BindCmc(in Instruction i, in BindContext c, Op* op) => op->Handler = &Cmc;

    private static void BindCld(in Instruction i, in BindContext c, Op* op) => op->Handler = &Cld;

    private static void BindStd(in Instruction i, in BindContext c, Op* op) => op->Handler = &Std;

    private static void BindLahf(in Instruction i, in BindContext c, Op* op) => op->Handler = &Lahf;

    private static void BindSahf(in Instruction i, in BindContext c, Op* op) => op->Handler = &Sahf;

    private static void BindSalc(in Instruction i, in BindContext c, Op* op) => op->Handler = &Salc;

    private static void BindCbw(in Instruction i, in BindContext c, Op* op) => op->Handler = &Cbw;

    private static void BindCwde(in Instruction i, in BindContext c, Op* op) => op->Handler = &Cwde;

    private static void BindCdqe(in Instruction i, in BindContext c, Op* op) => op->Handler = &Cdqe;

    private static void BindCwd(in Instruction i, in BindContext c, Op* op) => op->Handler = &Cwd;

    private static void BindCdq(in Instruction i, in BindContext c, Op* op) => op->Handler = &Cdq;

    private static void BindCqo(in Instruction i, in BindContext c, Op* op) => op->Handler = &Cqo;

    private static void BindDaa(in Instruction i, in BindContext c, Op* op) => op->Handler = &Daa;

    private static void BindDas(in Instruction i, in BindContext c, Op* op) => op->Handler = &Das;

    private static void BindAaa(in Instruction i, in BindContext c, Op* op) => op->Handler = &Aaa;

    private static void BindAas(in Instruction i, in BindContext c, Op* op) => op->Handler = &Aas;

    private static void BindAam(in Instruction i, in BindContext c, Op* op) => op->Handler = &Aam;

    private static void BindAad(in Instruction i, in BindContext c, Op* op) => op->Handler = &Aad;

    private static Op* Clc(CpuState* cpu, Op* op)
    {
        Flags.SetCarry(cpu, false);
        return op + 1;
    }

    private static Op* Stc(CpuState* cpu, Op* op)
    {
        Flags.SetCarry(cpu, true);
        return op + 1;
    }

    private static Op* Cmc(CpuState* cpu, Op* op)
    {
        Flags.SetCarry(cpu, !Flags.Carry(cpu));
        return op + 1;
    }

    private static Op* Cld(CpuState* cpu, Op* op)
    {
        cpu->SystemFlags &= ~Rflags.DF;
        return op + 1;
    }

    private static Op* Std(CpuState* cpu, Op* op)
    {
        cpu->SystemFlags |= Rflags.DF;
        return op + 1;
    }

    private static Op* Lahf(CpuState* cpu, Op* op)
    {
        ((byte*)cpu->Gpr)[1] = (byte)(Flags.GetArithmetic(cpu) | 2);
        return op + 1;
    }

    private static Op* Sahf(CpuState* cpu, Op* op)
    {
        ulong overflow = Flags.Overflow(cpu) ? Flags.Of : 0;
        Flags.SetArithmetic(cpu, ((byte*)cpu->Gpr)[1] | overflow);
        return op + 1;
    }

    private static Op* Salc(CpuState* cpu, Op* op)
    {
        *(byte*)cpu->Gpr = Flags.Carry(cpu) ? (byte)0xFF : (byte)0;
        return op + 1;
    }

    private static Op* Cbw(CpuState* cpu, Op* op)
    {
        *(short*)cpu->Gpr = *(sbyte*)cpu->Gpr;
        return op + 1;
    }

    private static Op* Cwde(CpuState* cpu, Op* op)
    {
        cpu->Gpr[0] = (uint)*(short*)cpu->Gpr;
        return op + 1;
    }

    private static Op* Cdqe(CpuState* cpu, Op* op)
    {
        cpu->Gpr[0] = (ulong)*(int*)cpu->Gpr;
        return op + 1;
    }

    private static Op* Cwd(CpuState* cpu, Op* op)
    {
        *(short*)&cpu->Gpr[Gpr.Rdx] = (short)(*(short*)cpu->Gpr >> 15);
        return op + 1;
    }

    private static Op* Cdq(CpuState* cpu, Op* op)
    {
        cpu->Gpr[Gpr.Rdx] = (uint)(*(int*)cpu->Gpr >> 31);
        return op + 1;
    }

    private static Op* Cqo(CpuState* cpu, Op* op)
    {
        cpu->Gpr[Gpr.Rdx] = (ulong)((long)cpu->Gpr[0] >> 63);
        return op + 1;
    }

    private static Op* Daa(CpuState* cpu, Op* op)
    {
        byte old = *(byte*)cpu->Gpr;
        byte al = old;
        bool carry = Flags.Carry(cpu);
        bool adjust = (al & 0xF) > 9 || Flags.Adjust(cpu);
        if (adjust) al += 6;
        bool newCarry = old > 0x99 || carry;
        if (newCarry) al += 0x60;
        return Decimal(cpu, op, al, newCarry, adjust);
    }

    private static Op* Das(CpuState* cpu, Op* op)
    {
        byte old = *(byte*)cpu->Gpr;
        byte al = old;
        bool carry = Flags.Carry(cpu);
        bool adjust = (al & 0xF) > 9 || Flags.Adjust(cpu);
        bool newCarry = old > 0x99 || carry;
        if (adjust)
        {
            newCarry |= al < 6;
            al -= 6;
        }

        if (old > 0x99 || carry) al -= 0x60;
        return Decimal(cpu, op, al, newCarry, adjust);
    }

    private static Op* Aaa(CpuState* cpu, Op* op)
    {
        bool adjust = (*(byte*)cpu->Gpr & 0xF) > 9 || Flags.Adjust(cpu);
        if (adjust) *(ushort*)cpu->Gpr += 0x106;
        *(byte*)cpu->Gpr &= 0xF;
        Flags.Set<byte>(cpu, *(byte*)cpu->Gpr, Flags.Aux(adjust, false, adjust));
        return op + 1;
    }

    private static Op* Aas(CpuState* cpu, Op* op)
    {
        bool adjust = (*(byte*)cpu->Gpr & 0xF) > 9 || Flags.Adjust(cpu);
        if (adjust) *(ushort*)cpu->Gpr -= 0x106;
        *(byte*)cpu->Gpr &= 0xF;
        Flags.Set<byte>(cpu, *(byte*)cpu->Gpr, Flags.Aux(adjust, false, adjust));
        return op + 1;
    }

    private static Op* Aam(CpuState* cpu, Op* op)
    {
        byte divisor = (byte)op->Imm;
        if (divisor == 0) return Faults.Raise(cpu, op, ExceptionVector.DE);
        byte al = *(byte*)cpu->Gpr;
        *(ushort*)cpu->Gpr = (ushort)(((al / divisor) << 8) | (al % divisor));
        Flags.Set<byte>(cpu, *(byte*)cpu->Gpr, 0);
        return op + 1;
    }

    private static Op* Aad(CpuState* cpu, Op* op)
    {
        byte result = (byte)(*(byte*)cpu->Gpr + (((byte*)cpu->Gpr)[1] * (byte)op->Imm));
        *(ushort*)cpu->Gpr = result;
        Flags.Set<byte>(cpu, result, 0);
        return op + 1;
    }

    private static Op* Decimal(CpuState* cpu, Op* op, byte al, bool carry, bool adjust)
    {
        *(byte*)cpu->Gpr = al;
        Flags.Set<byte>(cpu, al, Flags.Aux(carry, false, adjust));
        return op + 1;
    }
}
