using Vitrine.Accelerators.Software.Apic;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software;

/// <summary>Whether a vCPU executes instructions or what it waits for: an interrupt (HLT), INIT or a start-up IPI (SDM vol. 3, 9.4).</summary>
/// <param name="cpu">The state of the vCPU.</param>
/// <param name="localApic">Where what it waits for arrives.</param>
/// <param name="sleeps">The machine's vCPUs that wait.</param>
internal sealed unsafe class VcpuActivity(CpuState* cpu, LocalApic localApic, SleepRegister sleeps)
{
    // SAFETY: the state is that of the vCPU that owns this object, and outlives it; only the vCPU's thread reads it here.
    // Uninitialized and InitReceived while it waits for INIT or a start-up IPI; else Runnable.
    private MpState _start;

    // It waits where no interrupt can reach it, for a start-up IPI or in HLT with interrupts disabled; and what would wake it.
    private volatile bool _sleeps;
    private volatile ApicEvents _wakers;

    /// <summary>HLT: it waits for an interrupt.</summary>
    public bool Halted { get; set; }

    /// <summary>It waits for INIT or a start-up IPI.</summary>
    public bool WaitsForStartUp => _start != MpState.Runnable;

    /// <summary>INIT has come, and the start-up IPI has not.</summary>
    public bool HasInit => _start == MpState.InitReceived;

    /// <summary>RFLAGS.IF.</summary>
    public bool InterruptsEnabled => (cpu->SystemFlags & Rflags.IF) != 0;

    /// <summary>The activity as a part of the processor's state.</summary>
    public MpState State
    {
        get => WaitsForStartUp ? _start : Halted ? MpState.Halted : MpState.Runnable;
        set
        {
            Halted = value == MpState.Halted;
            _start = value is MpState.Uninitialized or MpState.InitReceived ? value : MpState.Runnable;
        }
    }

    /// <summary>It waits where no interrupt can reach it, and nothing that would wake it has come. Any thread.</summary>
    /// <remarks>Asks again at the end: whoever takes what has come, after which there is no news, first says that it does not sleep.</remarks>
    public bool SleepsForGood => _sleeps && !localApic.HasNews(_wakers) && _sleeps;

    /// <summary>It does not wait, or something has come.</summary>
    public void EndSleep() => _sleeps = false;

    /// <summary>Says whether it waits where no interrupt can reach it.</summary>
    public void NoteSleep(bool sleeping)
    {
        ApicEvents start = HasInit ? ApicEvents.Init | ApicEvents.StartUp : ApicEvents.Init;
        _wakers = WaitsForStartUp || cpu->NmiMasked ? start : start | ApicEvents.Nmi;
        if (sleeping) sleeps.NoteSleep();
        _sleeps = sleeping;
    }

    /// <summary>It waits where no interrupt can reach it, which it has noted.</summary>
    /// <returns>True when no other processor is left that might wake it.</returns>
    public bool IsForGood()
    {
        // Of two that go to sleep at once, one at least must see the other asleep.
        Interlocked.MemoryBarrier();
        return SleepsForGood && sleeps.NobodyRuns(this);
    }
}
