namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>The machine's slots, which change as a whole while vCPUs run. Any thread reads; changes come one after the other.</summary>
internal sealed class SlotTable
{
    private volatile SlotView[] _views = [];
    private volatile int _version;

    /// <summary>The slots. Never older than the <see cref="Version"/> that was read before.</summary>
    public SlotView[] Views => _views;

    /// <summary>Grows with each change.</summary>
    public int Version => _version;

    /// <summary>Puts other slots in place of all.</summary>
    /// <returns>The new version.</returns>
    public int Replace(SlotView[] views)
    {
        _views = views;
        return ++_version;
    }
}
