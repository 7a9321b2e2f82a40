using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>LDS, LES, LFS, LGS and LSS (SDM vol. 2).</summary>
internal static unsafe class FarPointerOps
{
    // SAFETY: register operands are offsets computed by binders; Extra is the size of the offset, Imm a segment number below 6.

    /// <summary>Names the binders.</summary>
    public static void Register(OpTable table)
    {
        foreach (Code code in (ReadOnlySpan<Code>)
            [Code.Lds_r16_m1616, Code.Lds_r32_m1632, Code.Les_r16_m1616, Code.Les_r32_m1632,
            Code.Lfs_r16_m1616, Code.Lfs_r32_m1632, Code.Lfs_r64_m1664, Code.Lgs_r16_m1616, Code.Lgs_r32_m1632,
            Code.Lgs_r64_m1664, Code.Lss_r16_m1616, Code.Lss_r32_m1632, Code.Lss_r64_m1664])
        {
            table.Add(code, &Bind);
        }
    }

    /// <summary>Reads a far pointer from memory: offset, then selector.</summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="op">The instruction.</param>
    /// <param name="size">Bytes of the offset: 2, 4 or 8.</param>
    /// <param name="selector">The selector.</param>
    /// <param name="offset">The offset.</param>
    /// <returns>False when a fault is recorded.</returns>
    public static bool TryRead(CpuState* cpu, Op* op, int size, out ushort selector, out ulong offset)
    {
        selector = 0;
        offset = 0;
        if (!AnyAddress.ForRead(cpu, op, size, out ulong linear)) return false;
        bool ok;
        if (size == 2)
        {
            ok = GuestAccess.Read(cpu, op, linear, out ushort offset16);
            offset = offset16;
        }
        else if (size == 4)
        {
            ok = GuestAccess.Read(cpu, op, linear, out uint offset32);
            offset = offset32;
        }
        else
        {
            ok = GuestAccess.Read(cpu, op, linear, out offset);
        }

        return ok && AnyAddress.ForReadBehind(cpu, op, size, sizeof(ushort), out linear) && GuestAccess.Read(cpu, op, linear, out selector);
    }

    private static void Bind(in Instruction instruction, in BindContext context, Op* op)
    {
        Operands.Destination(instruction, op);
        op->Extra = (ushort)instruction.Op0Register.GetSize();
        op->Imm = instruction.Mnemonic switch
        {
            Mnemonic.Les => Seg.Es,
            Mnemonic.Lds => Seg.Ds,
            Mnemonic.Lfs => Seg.Fs,
            Mnemonic.Lgs => Seg.Gs,
            _ => Seg.Ss,
        };
        op->Handler = &Load;
    }

    private static Op* Load(CpuState* cpu, Op* op)
    {
        int number = (int)op->Imm;
        if (!TryRead(cpu, op, op->Extra, out ushort selector, out ulong offset)) return Faults.Raise(cpu, op);
        if (!SegmentLoad.TryLoad(cpu, number, selector)) return Faults.Raise(cpu, op);
        SystemOperand.WriteSized(cpu, op->Dst, op->Extra, offset);
        return SegmentMoveOps.Loaded(cpu, op, number);
    }
}
