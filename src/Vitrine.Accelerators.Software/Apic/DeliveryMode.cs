namespace Vitrine.Accelerators.Software.Apic;

/// <summary>Delivery modes, as in bits 10:8 of LVT entries, the ICR and messages (SDM vol. 3, 11.5.1, 11.6.1, 11.11.2).</summary>
internal enum DeliveryMode
{
    /// <summary>The vector is delivered.</summary>
    Fixed = 0,

    /// <summary>The vector is delivered to the least busy of the addressed processors.</summary>
    LowestPriority = 1,

    /// <summary>System management interrupt.</summary>
    Smi = 2,

    /// <summary>Non-maskable interrupt.</summary>
    Nmi = 4,

    /// <summary>Initialisation.</summary>
    Init = 5,

    /// <summary>Start-up IPI: only in the ICR.</summary>
    StartUp = 6,

    /// <summary>The vector comes from the 8259.</summary>
    ExtInt = 7,
}
