using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.Interpreter.Sse.StateSave;

/// <summary>LDMXCSR, STMXCSR, VLDMXCSR, VSTMXCSR.</summary>
internal static unsafe class MxcsrAccess
{
    // SAFETY: touches the vCPU's own state; guest memory through GuestAccess.

    /// <summary>Registers the instructions.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Ldmxcsr_m32, &BindLoad);
        table.Add(Code.Stmxcsr_m32, &BindStore);
    }

    private static void BindLoad(in Instruction instruction, in BindContext context, Op* op) =>
        op->Handler = VectorInstruction.Guarded<XmmRegister, XmmRegister>(context, &Load);

    private static void BindStore(in Instruction instruction, in BindContext context, Op* op) =>
        op->Handler = VectorInstruction.Guarded<XmmRegister, XmmRegister>(context, &Store);

    /// <summary>The handler of the forms that load.</summary>
    public static Op* Load(CpuState* cpu, Op* op)
    {
        if (!AnyAddress.ForRead(cpu, op, sizeof(uint), out ulong linear)) return Faults.Raise(cpu, op);
        if (!GuestAccess.Read(cpu, op, linear, out uint value)) return Faults.Raise(cpu, op);
        if ((value & ~FxArea.MxcsrMask) != 0) return Faults.GeneralProtection(cpu, op);
        cpu->Mxcsr = value;
        return op + 1;
    }

    /// <summary>The handler of the forms that store.</summary>
    public static Op* Store(CpuState* cpu, Op* op)
    {
        if (!AnyAddress.ForWrite(cpu, op, sizeof(uint), out ulong linear)) return Faults.Raise(cpu, op);
        return GuestAccess.Write(cpu, op, linear, cpu->Mxcsr) ? op + 1 : Faults.Raise(cpu, op);
    }
}
