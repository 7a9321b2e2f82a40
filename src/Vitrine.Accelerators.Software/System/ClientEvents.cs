using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.System;

/// <summary>
/// What a client of KVM's calls lets happen to a processor between two runs: interrupts whose vectors it has, and events that it puts into flight. Only the vCPU's
/// thread comes here.
/// </summary>
internal sealed unsafe class ClientEvents
{
    // SAFETY: takes the state of the vCPU that owns this object.
    private const int NoVector = -1;

    private int _vector = NoVector;
    private PendingEvents _injected;

    /// <summary>The client wants to hear when an external interrupt could be delivered.</summary>
    public bool WindowRequested { get; set; }

    /// <summary>The guest has lowered CR8, which the client has not heard of.</summary>
    public bool TaskPriorityLowered { get; set; }

    /// <summary>An OUT whose instruction is complete, and which the client has not heard of; its size is 0 where there is none.</summary>
    public (int Size, uint Value) CompletedOut { get; set; }

    /// <summary>An external interrupt waits.</summary>
    public bool HasInterrupt => _vector != NoVector;

    /// <summary>An event is in flight, or a triple fault: it comes before anything else.</summary>
    public bool HasInjection => _injected.ExceptionInjected || _injected.ExceptionPending || _injected.InterruptInjected || _injected.NmiInjected ||
        _injected.TripleFaultPending;

    /// <summary>What is in flight is an external interrupt, perhaps one that was read while it waited and put back.</summary>
    public bool InjectsInterrupt => _injected.InterruptInjected && !_injected.ExceptionInjected && !_injected.ExceptionPending && !_injected.NmiInjected &&
        !_injected.TripleFaultPending;

    /// <summary>The events in flight, and the interrupt that waits, as a part of the state.</summary>
    public PendingEvents State
    {
        get
        {
            PendingEvents events = _injected;
            if (events.InterruptInjected || !HasInterrupt) return events;
            events.InterruptInjected = true;
            events.InterruptVector = (byte)_vector;
            return events;
        }

        set
        {
            _injected = value;
            _vector = NoVector;
        }
    }

    /// <summary>Goes on with what the client has left for another vCPU.</summary>
    public void GoOnFrom(ClientEvents other)
    {
        (_vector, _injected) = (other._vector, other._injected);
        (WindowRequested, TaskPriorityLowered, CompletedOut) = (other.WindowRequested, other.TaskPriorityLowered, other.CompletedOut);
    }

    /// <summary>Lets an external interrupt wait.</summary>
    /// <returns>False when one does.</returns>
    public bool TryPost(byte vector)
    {
        if (HasInterrupt || _injected.InterruptInjected) return false;
        _vector = vector;
        return true;
    }

    /// <summary>Lets an external interrupt wait, in place of one that does.</summary>
    public void Replace(byte vector)
    {
        _injected.InterruptInjected = false;
        _vector = vector;
    }

    /// <summary>Takes the interrupt that waits.</summary>
    public byte TakeInterrupt()
    {
        byte vector = (byte)_vector;
        _vector = NoVector;
        return vector;
    }

    /// <summary>Delivers the event in flight.</summary>
    /// <returns>False for a triple fault.</returns>
    public bool Inject(CpuState* cpu)
    {
        PendingEvents events = _injected;
        _injected = default;
        if (events.TripleFaultPending) return false;
        if (events.ExceptionInjected || events.ExceptionPending)
        {
            // INT3 is one byte, which what it pushes is behind.
            if (events.ExceptionVector == ExceptionVector.BP) cpu->Rip++;
            if (events.ExceptionPending && events.ExceptionHasPayload) TakePayload(cpu, events);
            return InterruptDelivery.DeliverToEnd(
                cpu, events.ExceptionVector, EventKind.Fault, events.ExceptionHasErrorCode, events.ExceptionErrorCode);
        }

        return events.NmiInjected ? InterruptDelivery.DeliverNmi(cpu) : InterruptDelivery.DeliverInterrupt(cpu, events.InterruptVector);
    }

    // What an exception that has only waited has not brought about yet (KVM_CAP_EXCEPTION_PAYLOAD): the causes of a debug exception, or the address of a page fault.
    private static void TakePayload(CpuState* cpu, in PendingEvents events)
    {
        if (events.ExceptionVector == ExceptionVector.PF) cpu->Cr2 = events.ExceptionPayload;
        if (events.ExceptionVector == ExceptionVector.DB)
        {
            const ulong Causes = Dr6.BS | Dr6.BT | Dr6.BD | 0xF;
            cpu->Dr6 = (cpu->Dr6 & ~Causes) | (events.ExceptionPayload & Causes) | Dr6.Fixed1;
        }
    }
}
