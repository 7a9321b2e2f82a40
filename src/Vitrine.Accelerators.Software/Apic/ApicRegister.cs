namespace Vitrine.Accelerators.Software.Apic;

/// <summary>
/// Registers of the local APIC by their offset in its page (SDM vol. 3, table 11-1); the MSR of x2APIC mode is
/// 800H + offset / 16 (table 11-6).
/// </summary>
internal static class ApicRegister
{
    /// <summary>Local APIC id: bits 31:24, in x2APIC mode all 32.</summary>
    public const uint Id = 0x20;

    /// <summary>Version, and number of the last LVT entry.</summary>
    public const uint Version = 0x30;

    /// <summary>Task priority.</summary>
    public const uint Tpr = 0x80;

    /// <summary>Arbitration priority; not on processors since the Pentium 4, reads 0.</summary>
    public const uint Apr = 0x90;

    /// <summary>Processor priority. Read only.</summary>
    public const uint Ppr = 0xA0;

    /// <summary>End of interrupt. Write only.</summary>
    public const uint Eoi = 0xB0;

    /// <summary>Remote read; not on processors since the Pentium 4, reads 0.</summary>
    public const uint Rrd = 0xC0;

    /// <summary>Logical destination.</summary>
    public const uint Ldr = 0xD0;

    /// <summary>Destination format; not in x2APIC mode.</summary>
    public const uint Dfr = 0xE0;

    /// <summary>Spurious interrupt vector, software enable.</summary>
    public const uint Svr = 0xF0;

    /// <summary>In-service: eight registers of 32 vectors.</summary>
    public const uint Isr = 0x100;

    /// <summary>Trigger mode: eight registers of 32 vectors.</summary>
    public const uint Tmr = 0x180;

    /// <summary>Interrupt request: eight registers of 32 vectors.</summary>
    public const uint Irr = 0x200;

    /// <summary>Error status.</summary>
    public const uint Esr = 0x280;

    /// <summary>Interrupt command, low half; in x2APIC mode all 64 bits.</summary>
    public const uint IcrLow = 0x300;

    /// <summary>Interrupt command, high half; not in x2APIC mode.</summary>
    public const uint IcrHigh = 0x310;

    /// <summary>First of the local vector table: the timer.</summary>
    public const uint LvtTimer = 0x320;

    /// <summary>Local vector table: thermal sensor.</summary>
    public const uint LvtThermal = 0x330;

    /// <summary>Local vector table: performance counters.</summary>
    public const uint LvtPerformance = 0x340;

    /// <summary>Local vector table: pin LINT0.</summary>
    public const uint LvtLint0 = 0x350;

    /// <summary>Local vector table: pin LINT1.</summary>
    public const uint LvtLint1 = 0x360;

    /// <summary>Last of the local vector table: errors.</summary>
    public const uint LvtError = 0x370;

    /// <summary>Timer: initial count.</summary>
    public const uint InitialCount = 0x380;

    /// <summary>Timer: current count. Read only.</summary>
    public const uint CurrentCount = 0x390;

    /// <summary>Timer: divide configuration.</summary>
    public const uint DivideConfiguration = 0x3E0;

    /// <summary>Self IPI; only in x2APIC mode, write only.</summary>
    public const uint SelfIpi = 0x3F0;
}
