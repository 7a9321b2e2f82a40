using Vitrine.Accelerators.Software.Irq;
using Vitrine.Accelerators.Software.State;

namespace Vitrine.Accelerators.Software;

/// <summary>The time as one vCPU's local APIC sees it: <see cref="GuestClock"/>, and that vCPU's time-stamp counter.</summary>
internal sealed unsafe class ApicClock(CpuState* cpu) : IApicClock
{
    // SAFETY: cpu is the state of the vCPU that owns the APIC; it outlives this object.

    /// <inheritdoc/>
    public long Now => GuestClock.Nanoseconds();

    /// <inheritdoc/>
    public long TimeOfTsc(ulong tsc)
    {
        // The counter ticks once a nanosecond. A value that it has passed lies in the past, however far it wraps.
        long now = GuestClock.TscTicks();
        ulong current = (ulong)(now + cpu->TscOffset);
        if (tsc <= current) return now;
        ulong distance = tsc - current;
        return distance > (ulong)(long.MaxValue - now) ? long.MaxValue : now + (long)distance;
    }
}
