using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>The status word, pending exceptions, and the pointers to the last instruction (SDM vol. 1, 8.1.3 and 8.1.8).</summary>
internal static unsafe class X87Status
{
    // SAFETY: touches the running vCPU's own state.

    /// <summary>C0.</summary>
    public const ushort C0 = 0x0100;

    /// <summary>C1.</summary>
    public const ushort C1 = 0x0200;

    /// <summary>C2.</summary>
    public const ushort C2 = 0x0400;

    /// <summary>C3.</summary>
    public const ushort C3 = 0x4000;

    /// <summary>Stack overflow (with C1) or underflow (without).</summary>
    public const int StackFault = 0x40;

    /// <summary>What a stack underflow raises.</summary>
    public const int Underflow = FpFlags.Invalid | StackFault;

    /// <summary>What a stack overflow raises.</summary>
    public const int Overflow = FpFlags.Invalid | StackFault | C1;

    /// <summary>ES, and B which mirrors it.</summary>
    private const ushort ErrorSummary = 0x8080;

    /// <summary>
    /// Raises #MF if an unmasked exception waits; what every waiting instruction does first. With CR0.NE clear a PC would signal
    /// it through FERR# and IRQ 13: nothing is connected to that pin here, and execution goes on.
    /// </summary>
    /// <returns>False when the fault is recorded.</returns>
    public static bool Ready(CpuState* cpu)
    {
        if ((cpu->Fsw & ErrorSummary) == 0 || (cpu->Cr0 & Cr0.NE) == 0) return true;
        cpu->SetFault(ExceptionVector.MF);
        return false;
    }

    /// <summary>The environment of an instruction.</summary>
    public static FpEnvironment Environment(CpuState* cpu) => FpEnvironment.FromControlWord(cpu->Fcw);

    /// <summary>Merges the flags of an instruction: exceptions stick, C1 is that of this instruction.</summary>
    public static void Merge(CpuState* cpu, int flags)
    {
        cpu->Fsw = (ushort)((cpu->Fsw & ~C1) | (flags & (FpFlags.All | StackFault | C1)));
        if ((cpu->Fsw & ~cpu->Fcw & FpFlags.All) != 0) cpu->Fsw |= ErrorSummary;
    }

    /// <summary>Sets the condition codes among <paramref name="mask"/>.</summary>
    public static void SetConditions(CpuState* cpu, int mask, int codes) => cpu->Fsw = (ushort)((cpu->Fsw & ~mask) | codes);

    /// <summary>Recomputes the error summary after the control or status word was loaded.</summary>
    public static void RefreshSummary(CpuState* cpu)
    {
        bool pending = (cpu->Fsw & ~cpu->Fcw & FpFlags.All) != 0;
        cpu->Fsw = (ushort)(pending ? cpu->Fsw | ErrorSummary : cpu->Fsw & ~ErrorSummary);
    }

    /// <summary>The status word as instructions store it, with TOP.</summary>
    public static ushort Word(CpuState* cpu) => (ushort)(cpu->Fsw | (cpu->FpuTop << 11));

    /// <summary>Remembers the instruction, which is not a control instruction. Its opcode is in <see cref="Op.Imm"/>.</summary>
    public static void Track(CpuState* cpu, Op* op)
    {
        cpu->Fip = cpu->BlockRip + op->RipOffset;
        cpu->FpuCs = (ushort)cpu->Segments[Seg.Cs].Selector;
        cpu->Fop = (ushort)op->Imm;
        if ((op->Traits & OpTraits.Memory) == 0) return;
        cpu->Fdp = AnyAddress.Offset(cpu, op);
        cpu->FpuDs = (ushort)cpu->Segments[op->Segment].Selector;
    }
}
