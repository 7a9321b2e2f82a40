using Vitrine.Accelerators.Software.Apic;

namespace Vitrine.Tests.Software.Apic;

/// <summary>Time that a test sets. The time-stamp counter runs at 1 GHz, from an offset.</summary>
internal sealed class FakeClock : IApicClock
{
    public long Now { get; set; }

    public long TscOffset { get; set; }

    public long TimeOfTsc(ulong tsc) => tsc > long.MaxValue ? long.MaxValue : (long)tsc - TscOffset;
}
