using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Memory;

namespace Vitrine.Accelerators.Software;

/// <summary>The accelerator that needs no help from the host's processor.</summary>
public sealed class SoftwareAccelerator : IAccelerator
{
    private readonly Lock _lock = new();
    private volatile SlotView[] _slots = [];
    private SoftwareVcpu? _vcpu;

    private SoftwareAccelerator()
    {
    }

    /// <inheritdoc/>
    public string Name => "soft";

    /// <inheritdoc/>
    public bool HasInterruptControllers => false;

    /// <inheritdoc/>
    public int MaximumVcpus => 1;

    /// <summary>The 8259 pair, once connected.</summary>
    internal IExternalInterruptSource? ExternalInterrupts { get; private set; }

    /// <summary>The slots as vCPUs see them.</summary>
    internal SlotView[] Slots => _slots;

    /// <summary>Creates the accelerator of one machine. Always possible.</summary>
    public static SoftwareAccelerator Create() => new();

    /// <inheritdoc/>
    public void SetMemorySlot(MemorySlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        lock (_lock)
        {
            SlotView[] old = [.. _slots.Where(view => view.Slot.Id == slot.Id)];
            _slots = [.. _slots.Where(view => view.Slot.Id != slot.Id), new SlotView(slot)];
            Retire(old);
        }
    }

    /// <inheritdoc/>
    public void RemoveMemorySlot(MemorySlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        lock (_lock)
        {
            SlotView[] old = [.. _slots.Where(view => view.Slot.Id == slot.Id)];
            _slots = [.. _slots.Where(view => view.Slot.Id != slot.Id)];
            Retire(old);
        }
    }

    /// <inheritdoc/>
    public void GetDirtyLog(MemorySlot slot, Span<ulong> bitmap)
    {
        ArgumentNullException.ThrowIfNull(slot);
        SlotView? view = Array.Find(_slots, candidate => candidate.Slot.Id == slot.Id);
        if (view is null) return;
        view.TakeDirty(bitmap);
        _vcpu?.RequestFlush();
    }

    /// <inheritdoc/>
    public IVirtualCpu CreateVcpu(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(id, 0);
        if (_vcpu is not null) throw new InvalidOperationException("The software CPU has one vCPU for each machine.");
        return _vcpu = new SoftwareVcpu(this, id);
    }

    /// <inheritdoc/>
    public void SetInterruptLine(int gsi, bool level) =>
        throw new InvalidOperationException("The software CPU has no interrupt controllers besides the local APIC.");

    /// <inheritdoc/>
    public void SendInterruptMessage(ulong address, uint data) => _vcpu?.DeliverMessage(address, data);

    /// <inheritdoc/>
    public void ConnectExternalInterrupts(IExternalInterruptSource source) => ExternalInterrupts = source;

    /// <inheritdoc/>
    public void Dispose()
    {
        _vcpu?.Dispose();
        foreach (SlotView view in _slots) view.Dispose();
        _slots = [];
    }

    private void Retire(SlotView[] views)
    {
        _vcpu?.ReloadSlots();
        foreach (SlotView view in views) view.Dispose();
    }
}
