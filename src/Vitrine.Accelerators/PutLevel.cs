namespace Vitrine.Accelerators;

/// <summary>How much of a vCPU's state a put writes. Each level includes the one before.</summary>
public enum PutLevel
{
    /// <summary>What may change at any time: registers, segments, control registers, FPU, running MSRs, events, debug registers.</summary>
    Runtime,

    /// <summary>Also what may only change at reset: MP state, time-stamp counter, local APIC.</summary>
    Reset,

    /// <summary>Also what is set once at creation: the frequency of the time-stamp counter.</summary>
    Full,
}
