using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.Interpreter.Sse.StateSave;

/// <summary>FXSAVE, FXRSTOR and their REX.W forms. Without CR4.OSFXSR they leave the SSE state alone.</summary>
internal static unsafe class FxSave
{
    // SAFETY: buffers on the stack have FxArea.XmmEnd bytes; guest memory through GuestAccess.
    private const ulong Alignment = 16;

    /// <summary>Registers the instructions.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Fxsave_m512byte, &BindSave);
        table.Add(Code.Fxsave64_m512byte, &BindSave);
        table.Add(Code.Fxrstor_m512byte, &BindRestore);
        table.Add(Code.Fxrstor64_m512byte, &BindRestore);
    }

    private static void BindSave(in Instruction instruction, in BindContext context, Op* op) =>
        Bind(context, op, instruction.Code == Code.Fxsave64_m512byte, &Save);

    private static void BindRestore(in Instruction instruction, in BindContext context, Op* op) =>
        Bind(context, op, instruction.Code == Code.Fxrstor64_m512byte, &Restore);

    private static void Bind(in BindContext context, Op* op, bool wide, Handler handler)
    {
        op->Extra = wide ? (ushort)1 : (ushort)0;
        op->Handler = (context.Mode & ExecutionMode.FpuTrap) != 0 ? &FpuGuard.X87NotAvailable : handler;
    }

    private static Op* Save(CpuState* cpu, Op* op)
    {
        if (!AnyAddress.ForWrite(cpu, op, FxArea.Size, out ulong linear)) return Faults.Raise(cpu, op);
        if (linear % Alignment != 0) return Faults.GeneralProtection(cpu, op);
        if (!GuestAccess.ProbeWrite(cpu, op, linear, FxArea.Size)) return Faults.Raise(cpu, op);
        byte* area = stackalloc byte[FxArea.XmmEnd];
        FxArea.SaveX87(cpu, area, op->Extra != 0);
        FxArea.SaveMxcsr(cpu, area);
        int size = FxArea.XmmOffset;
        if ((cpu->Cr4 & Cr4.OSFXSR) != 0)
        {
            int count = FxArea.XmmCount(cpu);
            FxArea.SaveXmm(cpu, area, count);
            size += 16 * count;
        }

        return GuestAccess.WriteBytes(cpu, op, linear, area, size) ? op + 1 : Faults.Raise(cpu, op);
    }

    private static Op* Restore(CpuState* cpu, Op* op)
    {
        if (!AnyAddress.ForRead(cpu, op, FxArea.Size, out ulong linear)) return Faults.Raise(cpu, op);
        if (linear % Alignment != 0) return Faults.GeneralProtection(cpu, op);
        bool sse = (cpu->Cr4 & Cr4.OSFXSR) != 0;
        int count = sse ? FxArea.XmmCount(cpu) : 0;
        byte* area = stackalloc byte[FxArea.XmmEnd];
        if (!GuestAccess.ProbeRead(cpu, op, linear, FxArea.Size)) return Faults.Raise(cpu, op);
        if (!GuestAccess.ReadBytes(cpu, op, linear, area, FxArea.XmmOffset + (16 * count))) return Faults.Raise(cpu, op);
        if (sse)
        {
            uint mxcsr = FxArea.Mxcsr(area);
            if ((mxcsr & ~FxArea.MxcsrMask) != 0) return Faults.GeneralProtection(cpu, op);
            cpu->Mxcsr = mxcsr;
            FxArea.RestoreXmm(cpu, area, count);
        }

        FxArea.RestoreX87(cpu, area, op->Extra != 0);
        return op + 1;
    }
}
