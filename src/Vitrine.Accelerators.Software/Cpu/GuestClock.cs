namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>
/// The clocks of the software CPU. Both tick a thousand million times a second, so that a tick is a nanosecond of
/// <see cref="Vitrine.Timing.MachineClock"/> and none is ever scaled.
/// </summary>
internal static class GuestClock
{
    /// <summary>Frequency of the time-stamp counter.</summary>
    public const uint TscKilohertz = 1_000_000;

    /// <summary>Frequency of the local APIC's timer before its divider.</summary>
    public const uint ApicTimerKilohertz = 1_000_000;
}
