using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Exceptions;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>INT n, INT3, INTO, INT1 and BOUND (SDM vol. 2).</summary>
internal static unsafe class SoftwareInterruptOps
{
    // SAFETY: takes the running vCPU's state; guest memory is reached through GuestAccess only.

    /// <summary>Names the binders.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Int_imm8, &Bind);
        table.Add(Code.Int3, &Bind);
        table.Add(Code.Into, &Bind);
        table.Add(Code.Int1, &Bind);
        table.Add(Code.Bound_r16_m1616, &Bind);
        table.Add(Code.Bound_r32_m3232, &Bind);
    }

    private static void Bind(in Instruction instruction, in BindContext context, Op* op)
    {
        switch (instruction.Code)
        {
            case Code.Int_imm8:
                op->Imm = instruction.Immediate8;
                op->Handler = &Interrupt;
                break;
            case Code.Int3:
                op->Handler = &Breakpoint;
                break;
            case Code.Into:
                op->Handler = &InterruptOnOverflow;
                break;
            case Code.Int1:
                op->Handler = &DebugInterrupt;
                break;
            case Code.Bound_r16_m1616:
                Operands.Destination(instruction, op);
                op->Handler = &Bound<short>;
                break;
            default:
                Operands.Destination(instruction, op);
                op->Handler = &Bound<int>;
                break;
        }
    }

    private static Op* Interrupt(CpuState* cpu, Op* op) => Enter(cpu, op, (byte)op->Imm, EventKind.SoftwareInterrupt);

    private static Op* Breakpoint(CpuState* cpu, Op* op)
    {
        Processor processor = Processor.Of(cpu);
        if (!processor.Debugging.TakesBreakpoints) return Enter(cpu, op, ExceptionVector.BP, EventKind.SoftwareException);
        processor.Bus.LeaveForBreakpoint(cpu->Segments[Seg.Cs].Base + cpu->BlockRip + op->RipOffset);
        return Faults.Raise(cpu, op);
    }

    private static Op* InterruptOnOverflow(CpuState* cpu, Op* op) =>
        Flags.Overflow(cpu) ? Enter(cpu, op, ExceptionVector.OF, EventKind.SoftwareException) : op + 1;

    private static Op* DebugInterrupt(CpuState* cpu, Op* op) => Enter(cpu, op, ExceptionVector.DB, EventKind.PrivilegedSoftwareException);

    private static Op* Enter(CpuState* cpu, Op* op, byte vector, EventKind kind)
    {
        ulong flagsBefore = cpu->SystemFlags;
        cpu->Rip = Faults.NextRip(cpu, op);
        TransferOutcome outcome = InterruptDelivery.Run(cpu, new GuestEvent(vector, kind, HasErrorCode: false, 0));
        if (outcome == TransferOutcome.Done) DebugEvents.EnteredHandler(cpu, flagsBefore);
        return FarTransferOps.End(cpu, op, outcome);
    }

    private static Op* Bound<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        if (!AnyAddress.ForRead(cpu, op, sizeof(T), out ulong linear) || !GuestAccess.Read(cpu, op, linear, out T lower)) return Faults.Raise(cpu, op);
        if (!AnyAddress.ForReadBehind(cpu, op, sizeof(T), sizeof(T), out linear) || !GuestAccess.Read(cpu, op, linear, out T upper)) return Faults.Raise(cpu, op);
        long index = (long)Width.SignExtend<T>(Width.ReadRegister<T>(cpu, op->Dst));
        bool inside = index >= (long)Width.SignExtend<T>(Width.ToUInt64(lower)) && index <= (long)Width.SignExtend<T>(Width.ToUInt64(upper));
        return inside ? op + 1 : Faults.Raise(cpu, op, ExceptionVector.BR);
    }
}
