namespace Vitrine.Accelerators;

/// <summary>
/// The 8259 pair as a local APIC sees it on LINT0 (ExtINT). The board implements it over its PIC.
/// The source calls <see cref="IVirtualCpu.NotifyExternalInterrupt"/> when its output changes.
/// </summary>
public interface IExternalInterruptSource
{
    /// <summary>The INTA cycle: acknowledges the highest-priority request and returns its vector; spurious requests return vector base + 7.</summary>
    byte Acknowledge();
}
