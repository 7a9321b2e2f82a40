using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Timing;

namespace Vitrine.Accelerators.Software.Apic;

/// <summary>The time as one vCPU's local APIC sees it: the machine's, and that vCPU's time-stamp counter.</summary>
internal sealed unsafe class ApicClock(CpuState* cpu, MachineClock clock) : IApicClock
{
    // SAFETY: cpu is the state of the vCPU that owns the APIC; it outlives this object.

    /// <inheritdoc/>
    public long Now => clock.Now;

    /// <inheritdoc/>
    public long TimeOfTsc(ulong tsc)
    {
        // The counter ticks once a nanosecond. A value that it has passed lies in the past, however far it wraps.
        long now = clock.Now;
        ulong current = (ulong)(now + cpu->TscOffset);
        if (tsc <= current) return now;
        ulong distance = tsc - current;
        return distance > (ulong)(long.MaxValue - now) ? long.MaxValue : now + (long)distance;
    }
}
