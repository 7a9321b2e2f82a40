namespace Vitrine.Devices.Interrupts;

/// <summary>An interrupt that several devices share, as level-triggered ones may: it is asserted while one of their lines is.</summary>
/// <param name="sink">Where it leads to.</param>
public sealed class SharedInterrupt(IInterruptSink sink) : IInterruptSink
{
    private readonly List<InterruptLine> _lines = [];

    /// <summary>Adds a device's line.</summary>
    /// <param name="number">The interrupt's number, the same for all.</param>
    public InterruptLine AddLine(int number)
    {
        InterruptLine line = new(this, number);
        _lines.Add(line);
        return line;
    }

    /// <inheritdoc/>
    public void SetLine(int line, bool level)
    {
        foreach (InterruptLine other in _lines) level |= other.Level;
        sink.SetLine(line, level);
    }
}
