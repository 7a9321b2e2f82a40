using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.System;

/// <summary>Software interrupts in virtual-8086 mode, with and without CR4.VME (SDM vol. 3, 21.3.3 and table 21-2).</summary>
internal static unsafe class Virtual8086
{
    // SAFETY: takes the running vCPU's state; guest memory is reached through GuestAccess only.

    /// <summary>RFLAGS as an 8086 program sees them with CR4.VME and IOPL below 3: IOPL reads 3, IF is VIF.</summary>
    public static ulong ImageWithVif(ulong flags) =>
        (flags & ~Rflags.IF) | Rflags.IOPL | ((flags & Rflags.VIF) != 0 ? Rflags.IF : 0);

    /// <summary>
    /// INT n: to the program's own handler when CR4.VME and the redirection bitmap say so; else #GP(0) unless IOPL is 3.
    /// </summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="guestEvent">The event.</param>
    /// <param name="entered">True when the program's handler was entered; else the IDT serves the interrupt.</param>
    /// <returns>False when a fault is recorded.</returns>
    public static bool TryRedirect(CpuState* cpu, in GuestEvent guestEvent, out bool entered)
    {
        entered = false;
        bool trusted = (cpu->SystemFlags & Rflags.IOPL) == Rflags.IOPL;
        bool toProgram = false;
        if ((cpu->Cr4 & Cr4.VME) != 0 && !TaskState.TryReadRedirection(cpu, guestEvent.Vector, out toProgram)) return false;
        if (!toProgram) return trusted || GuestFault.GeneralProtection(cpu, 0);

        if (!GuestAccess.ReadSystem(cpu, guestEvent.Vector * 4u, out uint target)) return false;
        ulong flags = guestEvent.PushedFlags(cpu);
        ulong cleared = Rflags.TF | Rflags.RF | (trusted ? Rflags.IF : Rflags.VIF);
        entered = RealModeInterrupts.TryEnter(cpu, trusted ? flags : ImageWithVif(flags), target, cleared);
        return entered;
    }
}
