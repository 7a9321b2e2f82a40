using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>INVLPG, INVPCID, INVD and WBINVD (SDM vol. 2).</summary>
internal static unsafe class TranslationOps
{
    // SAFETY: register operands are offsets computed by binders; guest memory is reached through GuestAccess only.
    private const ulong PcidMask = 0xFFF;

    /// <summary>Names the binders.</summary>
    public static void Register(OpTable table)
    {
        foreach (Code code in (ReadOnlySpan<Code>)
            [Code.Invlpg_m, Code.Invpcid_r32_m128, Code.Invpcid_r64_m128, Code.Invd, Code.Wbinvd])
        {
            table.Add(code, &Bind);
        }
    }

    private static void Bind(in Instruction instruction, in BindContext context, Op* op)
    {
        Operands.Destination(instruction, op);
        op->Extra = (ushort)(instruction.Code == Code.Invpcid_r32_m128 ? 4 : 8);
        op->Handler = instruction.Mnemonic switch
        {
            Mnemonic.Invlpg => &InvalidatePage,
            Mnemonic.Invpcid => &InvalidateContext,
            _ => &InvalidateCaches,
        };
    }

    private static Op* InvalidatePage(CpuState* cpu, Op* op)
    {
        if (cpu->Cpl != 0) return Faults.GeneralProtection(cpu, op);

        // Neither the segment's limit nor canonical form is checked: INVLPG is a no-op there (SDM vol. 2).
        ulong offset = AnyAddress.Offset(cpu, op);
        ulong linear = (cpu->Mode & ExecutionMode.Code64) != 0
            ? offset + *(ulong*)((byte*)cpu + op->SegmentBase)
            : (uint)(cpu->Segments[op->Segment].Base + offset);
        SoftMmu.Of(cpu).InvalidatePage(linear);
        return Faults.SerializeAndLeave(cpu, op);
    }

    private static Op* InvalidateContext(CpuState* cpu, Op* op)
    {
        if ((cpu->Mode & ExecutionMode.Virtual8086) != 0 || cpu->Cpl != 0) return Faults.GeneralProtection(cpu, op);
        if (!AnyAddress.ForRead(cpu, op, 16, out ulong linear)) return Faults.Raise(cpu, op);
        ulong* descriptor = stackalloc ulong[2];
        if (!GuestAccess.ReadBytes(cpu, op, linear, (byte*)descriptor, 16)) return Faults.Raise(cpu, op);
        ulong type = op->Extra == 4 ? Width.ReadRegister<uint>(cpu, op->Dst) : Width.ReadRegister<ulong>(cpu, op->Dst);
        ulong pcid = descriptor[0];
        bool pcidAllowed = (cpu->Cr4 & Cr4.PCIDE) != 0 || pcid == 0;
        bool valid = pcid <= PcidMask && type switch
        {
            0 => pcidAllowed && Canonical.Is(descriptor[1]),
            1 => pcidAllowed,
            2 or 3 => true,
            _ => false,
        };
        if (!valid) return Faults.GeneralProtection(cpu, op);
        SoftMmu mmu = SoftMmu.Of(cpu);
        if (type == 0) mmu.InvalidatePage(descriptor[1]);
        else if (type == 1) mmu.InvalidatePcid((uint)pcid);
        else mmu.FlushAll();
        return Faults.SerializeAndLeave(cpu, op);
    }

    private static Op* InvalidateCaches(CpuState* cpu, Op* op) =>
        cpu->Cpl != 0 ? Faults.GeneralProtection(cpu, op) : Faults.Serialize(cpu, op);
}
