using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>CLI, STI, PUSHF, POPF, CLAC and STAC, with CR4.VME and CR4.PVI (SDM vol. 2; vol. 3, 21.3 and 21.4).</summary>
internal static unsafe class FlagOps
{
    // SAFETY: Extra is an operand size; guest memory is reached through the stack only.
    private const uint ShadowSti = 2;

    /// <summary>Names the binders.</summary>
    public static void Register(OpTable table)
    {
        foreach (Code code in (ReadOnlySpan<Code>)
            [Code.Cli, Code.Sti, Code.Clac, Code.Stac, Code.Pushfw, Code.Pushfd, Code.Pushfq, Code.Popfw, Code.Popfd, Code.Popfq])
        {
            table.Add(code, &Bind);
        }
    }

    private static void Bind(in Instruction instruction, in BindContext context, Op* op)
    {
        op->Extra = instruction.Code switch
        {
            Code.Pushfw or Code.Popfw => 2,
            Code.Pushfd or Code.Popfd => 4,
            _ => 8,
        };
        op->Handler = instruction.Code switch
        {
            Code.Cli => &ClearInterrupts,
            Code.Sti => &SetInterrupts,
            Code.Clac => &ClearAlignmentCheck,
            Code.Stac => &SetAlignmentCheck,
            Code.Pushfw or Code.Pushfd or Code.Pushfq => &PushFlags,
            _ => &PopFlags,
        };
    }

    private static bool IsVirtual8086(CpuState* cpu) => (cpu->SystemFlags & Rflags.VM) != 0;

    private static uint Iopl(CpuState* cpu) => (uint)(cpu->SystemFlags & Rflags.IOPL) >> Rflags.IoplShift;

    /// <summary>Whether CLI and STI act on VIF: level 3 without the right to IF, in a mode with virtual interrupts.</summary>
    private static bool UsesVirtualFlag(CpuState* cpu) =>
        cpu->Cpl == 3 && (cpu->Cr4 & (IsVirtual8086(cpu) ? Cr4.VME : Cr4.PVI)) != 0;

    private static Op* ClearInterrupts(CpuState* cpu, Op* op)
    {
        if (cpu->Cpl <= Iopl(cpu)) cpu->SystemFlags &= ~Rflags.IF;
        else if (UsesVirtualFlag(cpu)) cpu->SystemFlags &= ~Rflags.VIF;
        else return Faults.GeneralProtection(cpu, op);
        return op + 1;
    }

    private static Op* SetInterrupts(CpuState* cpu, Op* op)
    {
        if (cpu->Cpl <= Iopl(cpu))
        {
            if ((cpu->SystemFlags & Rflags.IF) != 0) return op + 1;
            cpu->SystemFlags |= Rflags.IF;
            cpu->InterruptShadow |= ShadowSti;
            return Faults.CompleteAndLeave(cpu, op);
        }

        if (!UsesVirtualFlag(cpu) || (cpu->SystemFlags & Rflags.VIP) != 0) return Faults.GeneralProtection(cpu, op);
        cpu->SystemFlags |= Rflags.VIF;
        return op + 1;
    }

    private static Op* ClearAlignmentCheck(CpuState* cpu, Op* op) => ChangeAlignmentCheck(cpu, op, 0);

    private static Op* SetAlignmentCheck(CpuState* cpu, Op* op) => ChangeAlignmentCheck(cpu, op, Rflags.AC);

    private static Op* ChangeAlignmentCheck(CpuState* cpu, Op* op, ulong value)
    {
        if (cpu->Cpl != 0) return Faults.InvalidOpcode(cpu, op);
        if ((cpu->SystemFlags & Rflags.AC) == value) return op + 1;
        cpu->SystemFlags ^= Rflags.AC;
        SoftMmu.Of(cpu).RefreshMode();
        return op + 1;
    }

    private static Op* PushFlags(CpuState* cpu, Op* op)
    {
        ulong image = Flags.GetRflags(cpu) & ~(Rflags.VM | Rflags.RF);
        if (IsVirtual8086(cpu) && Iopl(cpu) < 3)
        {
            if (op->Extra != 2 || (cpu->Cr4 & Cr4.VME) == 0) return Faults.GeneralProtection(cpu, op);
            image = Virtual8086.ImageWithVif(image);
        }

        bool ok = op->Extra switch
        {
            2 => Stack.Push(cpu, op, (ushort)image),
            4 => Stack.Push(cpu, op, (uint)image),
            _ => Stack.Push(cpu, op, image),
        };
        return ok ? op + 1 : Faults.Raise(cpu, op);
    }

    private static Op* PopFlags(CpuState* cpu, Op* op)
    {
        PopFrame frame = new(cpu, op, op->Extra);
        bool virtual8086 = IsVirtual8086(cpu);
        bool viaVif = virtual8086 && Iopl(cpu) < 3;
        if (viaVif && (op->Extra != 2 || (cpu->Cr4 & Cr4.VME) == 0)) return Faults.GeneralProtection(cpu, op);
        if (!frame.TryPop(out ulong popped)) return Faults.Raise(cpu, op);
        ulong changeable = Rflags.Arithmetic | Rflags.TF | Rflags.DF | Rflags.NT;
        if (op->Extra != 2) changeable |= Rflags.AC | Rflags.ID;
        if (cpu->Cpl == 0) changeable |= Rflags.IOPL;
        if (cpu->Cpl <= Iopl(cpu)) changeable |= Rflags.IF;
        ulong old = Flags.GetRflags(cpu);
        ulong flags = (old & ~changeable) | (popped & changeable);
        if (viaVif)
        {
            bool enable = (popped & Rflags.IF) != 0;
            if ((popped & Rflags.TF) != 0 || (enable && (old & Rflags.VIP) != 0)) return Faults.GeneralProtection(cpu, op);
            flags = enable ? flags | Rflags.VIF : flags & ~Rflags.VIF;
        }

        Stack.SetPointer(cpu, frame.Pointer);
        Flags.SetRflags(cpu, flags & ~Rflags.RF);
        ulong changed = old ^ flags;
        if ((changed & Rflags.AC) != 0) SoftMmu.Of(cpu).RefreshMode();

        // IF that becomes 1 or TF: the dispatcher must look at once.
        return (changed & flags & (Rflags.IF | Rflags.TF)) != 0 ? Faults.CompleteAndLeave(cpu, op) : op + 1;
    }
}
