namespace Vitrine.Devices.Interrupts;

/// <summary>What interrupt lines lead to: a PIC and IOAPIC pair, or an accelerator's own.</summary>
public interface IInterruptSink
{
    /// <summary>Sets the level of an input.</summary>
    /// <param name="line">ISA interrupt number or global system interrupt, from 0.</param>
    /// <param name="level">True when asserted.</param>
    void SetLine(int line, bool level);
}
