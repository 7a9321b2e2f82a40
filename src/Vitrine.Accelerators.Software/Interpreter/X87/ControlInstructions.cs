using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>
/// FNINIT, FNCLEX, FLDCW, FNSTCW, FNSTSW, FLDENV, FNSTENV, FNSAVE, FRSTOR, FWAIT, and the 8087 and 80287 instructions that later
/// processors take as FNOP. They leave the instruction and data pointers alone.
/// </summary>
internal static unsafe class ControlInstructions
{
    // SAFETY: handlers follow the contract in README.md.
    private const ushort ControlWritable = 0x1F3F;
    private const ushort ControlAlwaysSet = 0x0040;

    /// <summary>What FNCLEX clears: exceptions, stack fault, error summary and busy.</summary>
    private const ushort ClearedByFnclex = 0x80FF;

    /// <summary>All instructions.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Fninit, &BindInitialize);
        table.Add(Code.Fnclex, &BindClear);
        table.Add(Code.Fldcw_m2byte, &BindLoadControl);
        table.Add(Code.Fnstcw_m2byte, &BindStoreControl);
        table.Add(Code.Fnstsw_m2byte, &BindStoreStatus);
        table.Add(Code.Fnstsw_AX, &BindStoreStatusToAx);
        table.Add(Code.Fldenv_m14byte, &BindLoadEnvironment<X87Image.Word>);
        table.Add(Code.Fldenv_m28byte, &BindLoadEnvironment<X87Image.Doubleword>);
        table.Add(Code.Fnstenv_m14byte, &BindStoreEnvironment<X87Image.Word>);
        table.Add(Code.Fnstenv_m28byte, &BindStoreEnvironment<X87Image.Doubleword>);
        table.Add(Code.Frstor_m94byte, &BindRestore<X87Image.Word>);
        table.Add(Code.Frstor_m108byte, &BindRestore<X87Image.Doubleword>);
        table.Add(Code.Fnsave_m94byte, &BindSave<X87Image.Word>);
        table.Add(Code.Fnsave_m108byte, &BindSave<X87Image.Doubleword>);
        table.Add(Code.Wait, &BindWait);
        table.Add(Code.Fneni, &BindIgnored);
        table.Add(Code.Fndisi, &BindIgnored);
        table.Add(Code.Fnsetpm, &BindIgnored);
    }

    /// <summary>The state FNINIT leaves (SDM vol. 1, table 9-1 of FINIT; registers keep their contents).</summary>
    public static void Initialize(CpuState* cpu)
    {
        cpu->Fcw = 0x037F;
        cpu->Fsw = 0;
        cpu->FpuTop = 0;
        cpu->FpuTag = 0;
        cpu->Fop = 0;
        cpu->Fip = cpu->Fdp = 0;
        cpu->FpuCs = cpu->FpuDs = 0;
    }

    private static void BindInitialize(in Instruction instruction, in BindContext context, Op* op) =>
        X87Form.Bind(instruction, context, op, &InitializeFpu);

    private static void BindClear(in Instruction instruction, in BindContext context, Op* op) =>
        X87Form.Bind(instruction, context, op, &Clear);

    private static void BindLoadControl(in Instruction instruction, in BindContext context, Op* op) =>
        X87Form.Bind(instruction, context, op, &LoadControl);

    private static void BindStoreControl(in Instruction instruction, in BindContext context, Op* op) =>
        X87Form.Bind(instruction, context, op, &StoreControl);

    private static void BindStoreStatus(in Instruction instruction, in BindContext context, Op* op) =>
        X87Form.Bind(instruction, context, op, &StoreStatus);

    private static void BindStoreStatusToAx(in Instruction instruction, in BindContext context, Op* op)
    {
        X87Form.Bind(instruction, context, op, &StoreStatusToAx);
        op->Dst = Operands.Offset(Iced.Intel.Register.AX);
    }

    private static void BindLoadEnvironment<TSize>(in Instruction instruction, in BindContext context, Op* op)
        where TSize : struct, X87Image.ISize => X87Form.Bind(instruction, context, op, &LoadEnvironment<TSize>);

    private static void BindStoreEnvironment<TSize>(in Instruction instruction, in BindContext context, Op* op)
        where TSize : struct, X87Image.ISize => X87Form.Bind(instruction, context, op, &StoreEnvironment<TSize>);

    private static void BindRestore<TSize>(in Instruction instruction, in BindContext context, Op* op)
        where TSize : struct, X87Image.ISize => X87Form.Bind(instruction, context, op, &Restore<TSize>);

    private static void BindSave<TSize>(in Instruction instruction, in BindContext context, Op* op)
        where TSize : struct, X87Image.ISize => X87Form.Bind(instruction, context, op, &Save<TSize>);

    private static void BindIgnored(in Instruction instruction, in BindContext context, Op* op) =>
        X87Form.Bind(instruction, context, op, &Ignored);

    private static void BindWait(in Instruction instruction, in BindContext context, Op* op) => op->Handler = &Wait;

    private static Op* InitializeFpu(CpuState* cpu, Op* op)
    {
        Initialize(cpu);
        return op + 1;
    }

    private static Op* Clear(CpuState* cpu, Op* op)
    {
        cpu->Fsw &= unchecked((ushort)~ClearedByFnclex);
        return op + 1;
    }

    private static Op* LoadControl(CpuState* cpu, Op* op)
    {
        if (!X87Status.Ready(cpu)
            || !AnyAddress.ForRead(cpu, op, sizeof(ushort), out ulong linear)
            || !GuestAccess.Read(cpu, op, linear, out ushort value))
            return Faults.Raise(cpu, op);
        SetControl(cpu, value);
        X87Status.RefreshSummary(cpu);
        return op + 1;
    }

    private static Op* StoreControl(CpuState* cpu, Op* op) => StoreWord(cpu, op, cpu->Fcw);

    private static Op* StoreStatus(CpuState* cpu, Op* op) => StoreWord(cpu, op, X87Status.Word(cpu));

    private static Op* StoreStatusToAx(CpuState* cpu, Op* op)
    {
        Width.WriteRegister<ushort>(cpu, op->Dst, X87Status.Word(cpu));
        return op + 1;
    }

    private static Op* StoreWord(CpuState* cpu, Op* op, ushort value)
    {
        if (!AnyAddress.ForWrite(cpu, op, sizeof(ushort), out ulong linear) || !GuestAccess.Write(cpu, op, linear, value))
            return Faults.Raise(cpu, op);
        return op + 1;
    }

    private static Op* LoadEnvironment<TSize>(CpuState* cpu, Op* op)
        where TSize : struct, X87Image.ISize
    {
        byte* image = stackalloc byte[TSize.EnvironmentSize];
        if (!X87Status.Ready(cpu)
            || !AnyAddress.ForRead(cpu, op, TSize.EnvironmentSize, out ulong linear)
            || !GuestAccess.ReadBytes(cpu, op, linear, image, TSize.EnvironmentSize))
            return Faults.Raise(cpu, op);
        X87Image.LoadEnvironment<TSize>(cpu, image);
        return op + 1;
    }

    private static Op* StoreEnvironment<TSize>(CpuState* cpu, Op* op)
        where TSize : struct, X87Image.ISize
    {
        byte* image = stackalloc byte[TSize.EnvironmentSize];
        X87Image.StoreEnvironment<TSize>(cpu, image);
        if (!AnyAddress.ForWrite(cpu, op, TSize.EnvironmentSize, out ulong linear)
            || !GuestAccess.WriteBytes(cpu, op, linear, image, TSize.EnvironmentSize))
            return Faults.Raise(cpu, op);
        cpu->Fcw |= FpFlags.All;
        X87Status.RefreshSummary(cpu);
        return op + 1;
    }

    private static Op* Restore<TSize>(CpuState* cpu, Op* op)
        where TSize : struct, X87Image.ISize
    {
        int size = TSize.EnvironmentSize + X87Image.RegistersSize;
        byte* image = stackalloc byte[X87Image.MaximumSize];
        if (!X87Status.Ready(cpu)
            || !AnyAddress.ForRead(cpu, op, size, out ulong linear)
            || !GuestAccess.ReadBytes(cpu, op, linear, image, size))
            return Faults.Raise(cpu, op);
        X87Image.LoadEnvironment<TSize>(cpu, image);
        X87Image.LoadRegisters(cpu, image + TSize.EnvironmentSize);
        return op + 1;
    }

    private static Op* Save<TSize>(CpuState* cpu, Op* op)
        where TSize : struct, X87Image.ISize
    {
        int size = TSize.EnvironmentSize + X87Image.RegistersSize;
        byte* image = stackalloc byte[X87Image.MaximumSize];
        X87Image.StoreEnvironment<TSize>(cpu, image);
        X87Image.StoreRegisters(cpu, image + TSize.EnvironmentSize);
        if (!AnyAddress.ForWrite(cpu, op, size, out ulong linear) || !GuestAccess.WriteBytes(cpu, op, linear, image, size))
            return Faults.Raise(cpu, op);
        Initialize(cpu);
        return op + 1;
    }

    private static Op* Wait(CpuState* cpu, Op* op)
    {
        const ulong monitorAndTaskSwitched = Cr0.MP | Cr0.TS;
        if ((cpu->Cr0 & monitorAndTaskSwitched) == monitorAndTaskSwitched) return Faults.DeviceNotAvailable(cpu, op);
        return X87Status.Ready(cpu) ? op + 1 : Faults.Raise(cpu, op);
    }

    private static Op* Ignored(CpuState* cpu, Op* op) => op + 1;

    /// <summary>Loads the control word: bit 6 always reads as one, bits 7 and 15:13 as zero.</summary>
    internal static void SetControl(CpuState* cpu, ushort value) =>
        cpu->Fcw = (ushort)((value & ControlWritable) | ControlAlwaysSet);
}
