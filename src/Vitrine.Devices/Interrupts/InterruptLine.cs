namespace Vitrine.Devices.Interrupts;

/// <summary>One interrupt line of a device. Remembers its level, so that only changes travel.</summary>
public sealed class InterruptLine(IInterruptSink sink, int number)
{
    /// <summary>ISA interrupt number or global system interrupt.</summary>
    public int Number { get; } = number;

    /// <summary>Its present level.</summary>
    public bool Level { get; private set; }

    /// <summary>Drives the line.</summary>
    public void Set(bool level)
    {
        if (Level == level) return;
        Level = level;
        sink.SetLine(Number, level);
    }

    /// <summary>Takes over a level without driving it, when a state is loaded: the controllers that the line leads to are loaded with it.</summary>
    public void Restore(bool level) => Level = level;

    /// <summary>A short pulse, as an edge-triggered source gives.</summary>
    public void Pulse()
    {
        Set(true);
        Set(false);
    }
}
