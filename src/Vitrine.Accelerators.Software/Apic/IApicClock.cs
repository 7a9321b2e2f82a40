namespace Vitrine.Accelerators.Software.Apic;

/// <summary>The time as a local APIC needs it.</summary>
internal interface IApicClock
{
    /// <summary>Guest time in nanoseconds; never goes back.</summary>
    long Now { get; }

    /// <summary>
    /// The guest time in nanoseconds at which the time-stamp counter reaches <paramref name="tsc"/>, rounded up;
    /// now or a time in the past when it has already, <see cref="long.MaxValue"/> when that is beyond reckoning.
    /// </summary>
    long TimeOfTsc(ulong tsc);
}
