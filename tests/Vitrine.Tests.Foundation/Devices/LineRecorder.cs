using Vitrine.Devices.Interrupts;

namespace Vitrine.Tests.Devices;

/// <summary>An interrupt sink that remembers levels and counts rising edges.</summary>
internal sealed class LineRecorder : IInterruptSink
{
    private readonly bool[] _levels = new bool[24];
    private readonly int[] _edges = new int[24];

    public InterruptLine Line(int number) => new(this, number);

    public bool Level(int line) => _levels[line];

    public int Edges(int line) => _edges[line];

    public void SetLine(int line, bool level)
    {
        if (level && !_levels[line]) _edges[line]++;
        _levels[line] = level;
    }
}
