using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>Single step and the breakpoints of DR0 to DR3 (SDM vol. 3, chapter 18 "Debug").</summary>
/// <remarks>
/// The dispatcher runs one instruction at a time while <see cref="NeedsStepping"/>:
/// <list type="number">
/// <item>before it, <see cref="HasInstructionBreakpoint"/>: then <see cref="System.InterruptDelivery.DeliverDebugTrap"/> instead of the instruction;</item>
/// <item>the memory and port slow paths call <see cref="NoteData"/> and <see cref="NotePort"/> with every access; fast TLB
/// hits must be off while DR7 enables anything;</item>
/// <item>behind it, when it completed, <see cref="IsTrapDue"/>: then <see cref="System.InterruptDelivery.DeliverDebugTrap"/>.</item>
/// </list>
/// A load of SS holds back the traps of its data breakpoints for one instruction. If that one faults they are lost; INT n, INT3, INTO, SYSCALL and
/// SYSENTER complete, so that the trap comes at the first instruction of the handler; a #DB of any other origin takes them along
/// (SDM vol. 3, 6.8.3; 26.7.3 says the same of events that VM entry injects).
/// <para>Outside stepping, <see cref="CpuState.PendingDebug"/> is only set by a task switch into a TSS with the T flag.</para>
/// </remarks>
internal static unsafe class DebugEvents
{
    // SAFETY: takes the running vCPU's state; breakpoint numbers are below 4.
    private const int Breakpoints = 4;
    private const uint ShadowMovSs = 1;

    /// <summary>In <see cref="CpuState.PendingDebug"/>: the instruction entered a handler that TF does not follow into.</summary>
    private const ulong NoStep = 1UL << 63;

    /// <summary>In <see cref="CpuState.PendingDebug"/>: the instruction ran with RF and has loaded it anew.</summary>
    private const ulong KeepResume = 1UL << 62;

    /// <summary>In <see cref="CpuState.PendingDebug"/>: a repeated string instruction has stopped between two elements.</summary>
    private const ulong Unfinished = 1UL << 61;

    /// <summary>True when instructions must run one by one: TF, RF to clear, or an enabled breakpoint.</summary>
    public static bool NeedsStepping(CpuState* cpu) =>
        (cpu->SystemFlags & (Rflags.TF | Rflags.RF)) != 0 || (cpu->Dr7 & Dr7.EnableMask) != 0;

    /// <summary>The next instruction must run alone: because of what the guest has set, or because the vCPU is stepped.</summary>
    public static bool MustStep(CpuState* cpu) => (cpu->Mode & ExecutionMode.SingleStep) != 0 || GuestMustStep(cpu);

    /// <summary>The next instruction must run alone because of what the guest has set, an interrupt shadow or a trap that is due.</summary>
    public static bool GuestMustStep(CpuState* cpu)
    {
        if (cpu->InterruptShadow != 0 || cpu->PendingDebug != 0) return true;
        if (!NeedsStepping(cpu)) return false;

        // RF alone only holds back instruction breakpoints: without any it may as well go now.
        if ((cpu->SystemFlags & Rflags.TF) != 0 || (cpu->Dr7 & Dr7.EnableMask) != 0) return true;
        cpu->SystemFlags &= ~Rflags.RF;
        return false;
    }

    /// <summary>
    /// Whether an instruction breakpoint stands at the linear address of the next instruction. Then DR6 tells which, and #DB
    /// is due before the instruction. RF and a preceding load of SS suppress it.
    /// </summary>
    public static bool HasInstructionBreakpoint(CpuState* cpu, ulong linear)
    {
        if ((cpu->Dr7 & Dr7.EnableMask) == 0 || (cpu->SystemFlags & Rflags.RF) != 0 || (cpu->InterruptShadow & ShadowMovSs) != 0)
            return false;
        ulong hits = 0;
        for (int i = 0; i < Breakpoints; i++)
        {
            if (Dr7.IsEnabled(cpu->Dr7, i) && Dr7.Condition(cpu->Dr7, i) == Dr7.Execute && cpu->DebugAddress[i] == linear)
                hits |= Dr6.B0 << i;
        }

        if (hits == 0) return false;
        cpu->Dr6 = (cpu->Dr6 & ~Dr6.BMask) | hits;
        return true;
    }

    /// <summary>Notes a data access for the breakpoints that watch its bytes.</summary>
    public static void NoteData(CpuState* cpu, ulong linear, int size, bool write)
    {
        for (int i = 0; i < Breakpoints; i++)
        {
            if (!Dr7.IsEnabled(cpu->Dr7, i)) continue;
            int condition = Dr7.Condition(cpu->Dr7, i);
            if (condition == Dr7.ReadWrite || (write && condition == Dr7.Write)) Note(cpu, i, linear, size);
        }
    }

    /// <summary>Notes a port access for I/O breakpoints, which need CR4.DE.</summary>
    public static void NotePort(CpuState* cpu, ushort port, int size)
    {
        if ((cpu->Dr7 & Dr7.EnableMask) == 0 || (cpu->Cr4 & Cr4.DE) == 0) return;
        for (int i = 0; i < Breakpoints; i++)
        {
            if (Dr7.IsEnabled(cpu->Dr7, i) && Dr7.Condition(cpu->Dr7, i) == Dr7.Io) Note(cpu, i, port, size);
        }
    }

    /// <summary>Called by instructions that entered a handler (INT n, SYSCALL): single step goes by the TF they leave.</summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="flagsBefore"><see cref="CpuState.SystemFlags"/> before the instruction.</param>
    public static void EnteredHandler(CpuState* cpu, ulong flagsBefore)
    {
        if ((flagsBefore & ~cpu->SystemFlags & Rflags.TF) != 0) cpu->PendingDebug |= NoStep;
    }

    /// <summary>Called by IRET: an RF that it loads is for the next instruction, also when it ran with RF itself.</summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="flagsBefore"><see cref="CpuState.SystemFlags"/> before the instruction.</param>
    public static void LoadedFlags(CpuState* cpu, ulong flagsBefore)
    {
        if ((flagsBefore & cpu->SystemFlags & Rflags.RF) != 0) cpu->PendingDebug |= KeepResume;
    }

    /// <summary>
    /// Called by repeated string instructions that stop between two elements: RF is set, so that an instruction breakpoint is not hit again and an
    /// interrupt or trap pushes it (SDM vol. 3, 18.3.1.1).
    /// </summary>
    public static void Paused(CpuState* cpu)
    {
        if (!NeedsStepping(cpu)) return;
        cpu->SystemFlags |= Rflags.RF;
        cpu->PendingDebug |= Unfinished;
    }

    /// <summary>Whether a trap is due before the next instruction: that of a task switch, which came with the delivery of an event.</summary>
    public static bool IsTrapWaiting(CpuState* cpu) => (cpu->InterruptShadow & ShadowMovSs) == 0 && IsTrapDue(cpu, 0);

    /// <summary>
    /// An event other than INT n, INT3 and INTO has entered its handler: what a load of SS has held back is lost, or part of the #DB that
    /// this is, which lets the handler use the debug registers.
    /// </summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="isDebugException">The event is a #DB.</param>
    public static void EndHold(CpuState* cpu, bool isDebugException)
    {
        ulong held = cpu->PendingDebug & Dr6.BMask;
        cpu->PendingDebug &= ~held;
        if (!isDebugException) return;
        if (held != 0) cpu->Dr6 = (cpu->Dr6 & ~Dr6.BMask) | held;
        cpu->Dr7 &= ~Dr7.GD;
    }

    /// <summary>
    /// Behind a completed instruction, or an element of a repeated one: clears RF unless the instruction has just loaded it, and decides whether
    /// #DB is due; DR6 then tells why.
    /// </summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="flagsBefore"><see cref="CpuState.SystemFlags"/> before the instruction.</param>
    public static bool IsTrapDue(CpuState* cpu, ulong flagsBefore)
    {
        if ((flagsBefore & Rflags.RF) != 0 && (cpu->PendingDebug & (KeepResume | Unfinished)) == 0) cpu->SystemFlags &= ~Rflags.RF;
        bool step = (flagsBefore & Rflags.TF) != 0 && (cpu->PendingDebug & NoStep) == 0;
        cpu->PendingDebug &= ~(NoStep | KeepResume | Unfinished);

        // Behind a load of SS traps wait for the next instruction, and its single step is lost (SDM vol. 3, 6.8.3).
        if ((cpu->InterruptShadow & ShadowMovSs) != 0) return false;
        ulong causes = cpu->PendingDebug | (step ? Dr6.BS : 0);
        if (causes == 0) return false;
        cpu->PendingDebug = 0;
        cpu->Dr6 = (cpu->Dr6 & ~Dr6.BMask) | causes;
        return true;
    }

    /// <summary>Forgets what an instruction noted that did not complete; a task switch that did has come to stay.</summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="before"><see cref="CpuState.PendingDebug"/> before the instruction.</param>
    public static void Discard(CpuState* cpu, ulong before) => cpu->PendingDebug = before | (cpu->PendingDebug & Dr6.BT);

    private static void Note(CpuState* cpu, int number, ulong address, int size)
    {
        // A breakpoint is aligned to its length (SDM vol. 3, 18.2.5).
        ulong length = (ulong)Dr7.Length(cpu->Dr7, number);
        ulong start = cpu->DebugAddress[number] & ~(length - 1);
        if (address < start + length && start < address + (ulong)size) cpu->PendingDebug |= Dr6.B0 << number;
    }
}
