namespace Vitrine.Devices.Interrupts;

/// <summary>
/// Leads every ISA interrupt line to the 8259 pair and to the IOAPIC; the guest masks the one it does not use.
/// The IOAPIC pin has the line's number, except that the timer's line 0 arrives at pin 2: the MADT must say so
/// (interrupt source override: bus 0, source 0, GSI 2, edge-triggered, active high), and that the SCI on line 9 is
/// level-triggered and active high. Lines from 16 on lead to the IOAPIC only.
/// </summary>
public sealed class InterruptRouter(PicPair pics, Ioapic ioapic) : IInterruptSink
{
    /// <summary>ISA line of the timer.</summary>
    public const int TimerLine = 0;

    /// <summary>Global system interrupt that the timer's line arrives at.</summary>
    public const int TimerGlobalInterrupt = 2;

    private const int IsaLineCount = 16;

    /// <inheritdoc/>
    public void SetLine(int line, bool level)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(line);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(line, IoapicRegisters.PinCount);
        // ISA line 2 is the cascade of the 8259s, and its pin belongs to the timer.
        if (line == Pic8259Registers.CascadeInput) return;
        if (line < IsaLineCount) pics.SetLine(line, level);
        ioapic.SetPin(line == TimerLine ? TimerGlobalInterrupt : line, level);
    }
}
