namespace Vitrine.Accelerators.Software.Apic;

/// <summary>What reaches a processor through its local APIC beside vectors.</summary>
[Flags]
internal enum ApicEvents
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>A non-maskable interrupt.</summary>
    Nmi = 1,

    /// <summary>INIT.</summary>
    Init = 2,

    /// <summary>A start-up IPI; see <see cref="LocalApic.StartUpVector"/>.</summary>
    StartUp = 4,

    /// <summary>Another non-maskable interrupt, behind <see cref="Nmi"/>; a third is lost (SDM vol. 3, 6.7.1).</summary>
    SecondNmi = 8,

    /// <summary>All non-maskable interrupts.</summary>
    Nmis = Nmi | SecondNmi,
}
