using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>IN and OUT (SDM vol. 2; vol. 1, chapter 19 "Input/Output").</summary>
internal static unsafe class PortOps
{
    // SAFETY: takes the running vCPU's state; Extra is an access size.
    /// <summary>The port whose OUT may be complete before it leaves, see <see cref="Parts.VmBehavior.SkipsOut7E"/>.</summary>
    public const ushort CompletedFirst = 0x7E;

    /// <summary>Names the binders.</summary>
    public static void Register(OpTable table)
    {
        foreach (Code code in (ReadOnlySpan<Code>)
            [Code.In_AL_imm8, Code.In_AX_imm8, Code.In_EAX_imm8, Code.In_AL_DX, Code.In_AX_DX, Code.In_EAX_DX,
            Code.Out_imm8_AL, Code.Out_imm8_AX, Code.Out_imm8_EAX, Code.Out_DX_AL, Code.Out_DX_AX, Code.Out_DX_EAX])
        {
            table.Add(code, &Bind);
        }
    }

    /// <summary>
    /// Whether the present privilege level may access a port: always in real mode and with CPL not above IOPL; else the TSS's
    /// bitmap decides, and in virtual-8086 mode the bitmap alone.
    /// </summary>
    /// <returns>False when #GP(0) is recorded.</returns>
    public static bool TryCheck(CpuState* cpu, ushort port, int size)
    {
        bool free = (cpu->Mode & ExecutionMode.Protected) == 0
            || ((cpu->SystemFlags & Rflags.VM) == 0 && cpu->Cpl <= (cpu->SystemFlags & Rflags.IOPL) >> Rflags.IoplShift);
        return free || TaskState.TryCheckPort(cpu, port, size);
    }

    private static void Bind(in Instruction instruction, in BindContext context, Op* op)
    {
        bool isIn = instruction.Mnemonic == Mnemonic.In;
        bool hasImmediate = (isIn ? instruction.Op1Kind : instruction.Op0Kind) == OpKind.Immediate8;
        op->Extra = (ushort)(isIn ? instruction.Op0Register : instruction.Op1Register).GetSize();
        op->Imm = hasImmediate ? instruction.Immediate8 : 0u;
        if (isIn) op->Handler = hasImmediate ? &InImmediate : &InDx;
        else op->Handler = hasImmediate ? &OutImmediate : &OutDx;
    }

    private static Op* InImmediate(CpuState* cpu, Op* op) => In(cpu, op, (ushort)op->Imm);

    private static Op* InDx(CpuState* cpu, Op* op) => In(cpu, op, (ushort)cpu->Gpr[Gpr.Rdx]);

    private static Op* OutImmediate(CpuState* cpu, Op* op) => Out(cpu, op, (ushort)op->Imm);

    private static Op* OutDx(CpuState* cpu, Op* op) => Out(cpu, op, (ushort)cpu->Gpr[Gpr.Rdx]);

    private static Op* In(CpuState* cpu, Op* op, ushort port)
    {
        int size = op->Extra;
        if (!TryCheck(cpu, port, size)) return Faults.Raise(cpu, op);
        if (!Processor.Of(cpu).Bus.PortRead(cpu, op, port, size, out uint value)) return Faults.Raise(cpu, op);
        if (size == 1) Width.WriteRegister<byte>(cpu, CpuState.GprOffset(Gpr.Rax), value);
        else SystemOperand.WriteSized(cpu, CpuState.GprOffset(Gpr.Rax), size, value);
        return op + 1;
    }

    private static Op* Out(CpuState* cpu, Op* op, ushort port)
    {
        int size = op->Extra;
        if (!TryCheck(cpu, port, size)) return Faults.Raise(cpu, op);
        uint value = (uint)cpu->Gpr[Gpr.Rax];
        if (size < 4) value &= (1u << (size * 8)) - 1;
        Processor processor = Processor.Of(cpu);
        if (port == CompletedFirst && processor.Behavior.SkipsOut7E)
        {
            processor.Client.CompletedOut = (size, value);
            Volatile.Write(ref cpu->PollAt, 0);
            return Faults.CompleteAndLeave(cpu, op);
        }

        return processor.Bus.PortWrite(cpu, op, port, size, value) ? op + 1 : Faults.Raise(cpu, op);
    }
}
