using Vitrine.Accelerators;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Irqchip;
using Vitrine.Timing;

namespace Vitrine.KvmServer.Events;

/// <summary>
/// Everything of a machine's interrupts: the ioctls, one method each, and what the run loop asks. Any thread. Ioctls return 0 or a
/// positive result, or a negative number of <see cref="Errno"/>, as KVM does.
/// </summary>
/// <param name="clock">The machine's time.</param>
/// <param name="failed">Told of a defect in one of its threads, with no lock held: the machine can't go on.</param>
internal sealed partial class VmInterrupts(MachineClock clock, Action<Exception> failed) : IDisposable
{
    private readonly InterruptLines _lines = new();
    private readonly IoEventTable _ioEvents = new();
    private readonly CoalescedZones _zones = new();
    private IntervalTimer? _timer;
    private IrqfdTable? _irqfds;
    private uint _clientPins;

    // Ioctls that make or replace something exclude each other.
    private readonly Lock _changes = new();

    /// <summary>Which controllers the machine has.</summary>
    public IrqchipMode Mode { get; private set; }

    /// <summary>KVM_CAP_X2APIC_API with KVM_X2APIC_API_USE_32BIT_IDS: destinations of messages have 32 bits.</summary>
    public bool WideDestinations { get; set; }

    /// <summary>Whether a thread waits for irqfds.</summary>
    public bool WaitsForIrqfds => _irqfds is { IsWaiting: true };

    /// <summary>
    /// Held while interrupt controllers and timers run, and while a message is on its way to an accelerator. Who replaces the accelerator
    /// holds it, with the processors standing, from reading the local APICs of the old one until <see cref="Connect(IAccelerator)"/>.
    /// Nobody waits for a processor with it held.
    /// </summary>
    public Lock DeviceLock => _lines.DeviceLock;

    /// <summary>Interrupts go to an accelerator from now on. Its boot processor is to be connected again.</summary>
    public void Connect(IAccelerator accelerator) => _lines.Connect(accelerator);

    /// <summary>Names the processor that the 8259 pair interrupts.</summary>
    public void Connect(IVirtualCpu bootProcessor) => _lines.Connect(bootProcessor);

    /// <summary>Gives the page of a processor's where coalesced writes are collected; the first that is given is the machine's.</summary>
    /// <param name="page">4 KiB that live until <see cref="DetachRing"/>.</param>
    public unsafe void AttachRing(byte* page) => _zones.Attach(page);

    /// <summary>A processor's page goes.</summary>
    public unsafe void DetachRing(byte* page) => _zones.Detach(page);

    /// <summary>Ends its threads and closes its descriptors. No processor runs any more.</summary>
    public void Dispose()
    {
        _irqfds?.Dispose();
        _timer?.Dispose();
        _ioEvents.Dispose();
    }
}
