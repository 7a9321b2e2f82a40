using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Exceptions;

namespace Vitrine.Accelerators.Software.System;

/// <summary>Interrupts and exceptions enter their handlers (SDM vol. 3, chapter 6; vol. 2, INT n).</summary>
internal static unsafe class InterruptDelivery
{
    // SAFETY: takes the running vCPU's state; guest memory is reached through GuestAccess only.

    // Benign exceptions are delivered one after the other (table 6-5). One whose delivery raises it again, such as #AC into a
    // handler at level 3 with a misaligned stack, keeps a processor busy for ever: no interrupt comes between.
    private const int MostInARow = 64;

    /// <summary>
    /// Delivers one event through the IVT or IDT. <see cref="CpuState.Rip"/> is what is pushed.
    /// </summary>
    /// <returns>
    /// False when delivery faulted: the new fault is recorded with its EXT and IDT bits, and nothing else has changed, except
    /// behind the commit point of a task switch, where the fault belongs to the new task.
    /// </returns>
    public static bool Deliver(CpuState* cpu, byte vector, EventKind kind, bool hasErrorCode, uint errorCode)
    {
        return Run(cpu, new GuestEvent(vector, kind, hasErrorCode, errorCode)) == TransferOutcome.Done;
    }

    /// <summary>As <see cref="Deliver"/>, and tells whether a fault belongs to a new task.</summary>
    public static TransferOutcome Run(CpuState* cpu, in GuestEvent guestEvent)
    {
        TransferOutcome outcome;
        if ((cpu->Mode & ExecutionMode.LongMode) != 0) outcome = Outcome(LongModeInterrupts.Deliver(cpu, guestEvent));
        else if ((cpu->Mode & ExecutionMode.Protected) != 0) outcome = ProtectedModeInterrupts.Deliver(cpu, guestEvent);
        else outcome = Outcome(RealModeInterrupts.Deliver(cpu, guestEvent));
        if (outcome != TransferOutcome.Done) return outcome;
        cpu->InterruptShadow = 0;
        if (!guestEvent.IsSoftware) DebugEvents.EndHold(cpu, guestEvent.IsDebugException);
        return outcome;
    }

    /// <summary>
    /// Delivers an event and whatever exceptions follow from that, as tables 6-4 and 6-5 of SDM vol. 3 combine them.
    /// </summary>
    /// <returns>False for a triple fault, or deliveries that never end: the processor shuts down.</returns>
    public static bool DeliverToEnd(CpuState* cpu, byte vector, EventKind kind, bool hasErrorCode = false, uint errorCode = 0)
    {
        for (int delivery = 0; delivery < MostInARow; delivery++)
        {
            if (Deliver(cpu, vector, kind, hasErrorCode, errorCode))
            {
                if (kind == EventKind.Nmi) cpu->NmiMasked = true;
                return true;
            }

            byte second = cpu->FaultVector;
            bool isException = kind is EventKind.Fault or EventKind.Trap;
            if (isException && vector == ExceptionVector.DF) return false;
            if (isException && ExceptionVector.MakesDoubleFault(vector, second))
            {
                vector = ExceptionVector.DF;
                hasErrorCode = true;
                errorCode = 0;
            }
            else
            {
                vector = second;
                hasErrorCode = cpu->FaultHasErrorCode;
                errorCode = cpu->FaultErrorCode;
            }

            kind = EventKind.Fault;
        }

        return false;
    }

    /// <summary>Delivers the fault that an instruction has recorded.</summary>
    /// <returns>False for a triple fault.</returns>
    public static bool DeliverException(CpuState* cpu) =>
        DeliverToEnd(cpu, cpu->FaultVector, EventKind.Fault, cpu->FaultHasErrorCode, cpu->FaultErrorCode);

    /// <summary>Delivers #DB for what <see cref="CpuState.Dr6"/> already tells, behind an instruction or for an instruction breakpoint.</summary>
    /// <returns>False for a triple fault.</returns>
    public static bool DeliverDebugTrap(CpuState* cpu) => DeliverToEnd(cpu, ExceptionVector.DB, EventKind.Trap);

    /// <summary>Delivers a maskable interrupt. The caller has checked RFLAGS.IF and the shadow, and acknowledged the vector.</summary>
    /// <returns>False for a triple fault.</returns>
    public static bool DeliverInterrupt(CpuState* cpu, byte vector) => DeliverToEnd(cpu, vector, EventKind.External);

    /// <summary>Delivers an NMI and blocks further ones until IRET.</summary>
    /// <returns>False for a triple fault.</returns>
    public static bool DeliverNmi(CpuState* cpu) => DeliverToEnd(cpu, ExceptionVector.NMI, EventKind.Nmi);

    private static TransferOutcome Outcome(bool done) => done ? TransferOutcome.Done : TransferOutcome.Fault;
}
