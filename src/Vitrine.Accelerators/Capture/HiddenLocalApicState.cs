namespace Vitrine.Accelerators.Capture;

/// <summary>What a local APIC holds that its register page doesn't show.</summary>
public sealed record HiddenLocalApicState
{
    /// <summary>Errors since the last write to ESR, which will show them (SDM vol. 3, 11.5.3).</summary>
    public uint PendingErrors { get; set; }

    /// <summary>Levels of the pins: LINT0 in bit 0, LINT1 in bit 1.</summary>
    public int Pins { get; set; }

    /// <summary>Vectors whose end the IOAPICs are still to be told: 256 bits, 64 in each word, the lowest first.</summary>
    public ulong[] EoiBroadcasts { get; set; } = new ulong[4];

    /// <summary>The timer counts, outside TSC-deadline mode.</summary>
    public bool TimerCounts { get; set; }

    /// <summary>The timer's count at <see cref="TimerTime"/>, while it counts.</summary>
    public uint TimerCount { get; set; }

    /// <summary>
    /// The machine's time in nanoseconds of <see cref="TimerCount"/>. An expiry that nobody has looked at may lie between it and now.
    /// </summary>
    public long TimerTime { get; set; }
}
