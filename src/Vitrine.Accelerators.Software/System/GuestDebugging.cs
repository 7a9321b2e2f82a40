using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.System;

/// <summary>
/// A debugger outside the guest, and the guest's own debug registers beside it. While it has breakpoints of its own the processor's registers are its; the guest's are kept
/// here, and have no effect. While it takes debug exceptions, DR6 of the processor tells it why, and the guest's stays what it was.
/// </summary>
internal sealed unsafe class GuestDebugging(CpuState* cpu)
{
    // SAFETY: cpu is the state of the vCPU that owns this object, used by its thread only; breakpoint numbers are below 4.
    private const int Breakpoints = 4;

    private readonly ulong[] _addresses = new ulong[Breakpoints];
    private ulong _dr6;
    private ulong _dr7;

    /// <summary>What it wants; null without a debugger. The mode is to be derived again behind a change.</summary>
    public VcpuDebugging? Wanted
    {
        get;
        set
        {
            Leave();
            field = value;
            Enter();
        }
    }

    /// <summary>#DB leaves to the debugger, whatever its cause.</summary>
    public bool TakesDebugExceptions => Wanted is { SingleStep: true } or { HardwareBreakpoints: true };

    /// <summary>INT3 leaves to the debugger.</summary>
    public bool TakesBreakpoints => Wanted is { SoftwareBreakpoints: true };

    /// <summary>No interrupt is delivered.</summary>
    public bool BlocksInterrupts => Wanted is { BlockInterrupts: true };

    /// <summary>The guest's DR6.</summary>
    public ulong Dr6
    {
        get => TakesDebugExceptions ? _dr6 : cpu->Dr6;
        set => (TakesDebugExceptions ? ref _dr6 : ref cpu->Dr6) = value;
    }

    /// <summary>The guest's DR7.</summary>
    public ulong Dr7
    {
        get => HasRegisters ? _dr7 : cpu->Dr7;
        set => (HasRegisters ? ref _dr7 : ref cpu->Dr7) = value;
    }

    /// <summary>DR0 to DR3 of the guest.</summary>
    public ulong this[int number]
    {
        get => HasRegisters ? _addresses[number] : cpu->DebugAddress[number];
        set => (HasRegisters ? ref _addresses[number] : ref cpu->DebugAddress[number]) = value;
    }

    private bool HasRegisters => Wanted is { HardwareBreakpoints: true };

    /// <summary>Takes the reason of a debug exception that leaves to the debugger.</summary>
    public ulong TakeReason()
    {
        ulong reason = cpu->Dr6;
        cpu->Dr6 = X86.Registers.Dr6.Fixed1;
        return reason;
    }

    /// <summary>Reads the guest's debug registers.</summary>
    public void Get(ProcessorState state)
    {
        (state.Dr6, state.Dr7) = (Dr6, Dr7);
        for (int i = 0; i < Breakpoints; i++) state.DebugAddress[i] = this[i];
    }

    /// <summary>Writes the guest's debug registers. The mode is to be derived again.</summary>
    public void Put(ProcessorState state)
    {
        (Dr6, Dr7) = (state.Dr6, state.Dr7);
        for (int i = 0; i < Breakpoints; i++) this[i] = state.DebugAddress[i];
    }

    private void Enter()
    {
        if (TakesDebugExceptions)
        {
            _dr6 = cpu->Dr6;
            cpu->Dr6 = X86.Registers.Dr6.Fixed1;
        }

        if (!HasRegisters) return;
        _dr7 = cpu->Dr7;
        cpu->Dr7 = (Wanted!.Dr7 & X86.Registers.Dr7.Writable & ~X86.Registers.Dr7.GD) | X86.Registers.Dr7.Fixed1;
        for (int i = 0; i < Breakpoints; i++)
        {
            _addresses[i] = cpu->DebugAddress[i];
            cpu->DebugAddress[i] = Wanted.Addresses[i];
        }
    }

    private void Leave()
    {
        if (TakesDebugExceptions) cpu->Dr6 = _dr6;
        if (!HasRegisters) return;
        cpu->Dr7 = _dr7;
        for (int i = 0; i < Breakpoints; i++) cpu->DebugAddress[i] = _addresses[i];
    }
}
