using Vitrine.Accelerators;
using Vitrine.Devices.Interrupts;

namespace Vitrine.KvmServer.Irqchip;

/// <summary>
/// The seam between the interrupt controllers and the local APICs, which are an accelerator's. It may lead to another accelerator later:
/// one that is built anew for more processors.
/// </summary>
/// <param name="deviceLock">Held while devices run.</param>
internal sealed class AcceleratorLink(Lock deviceLock) : IInterruptMessageSink, IExternalInterruptSource
{
    private IAccelerator? _accelerator;
    private IVirtualCpu? _bootProcessor;
    private PicPair? _pics;

    /// <summary>How many processors took the last message that a controller sent. Device lock held.</summary>
    public int Takers { get; set; }

    /// <summary>Leads to an accelerator from now on.</summary>
    public void Connect(IAccelerator accelerator)
    {
        lock (deviceLock)
        {
            (_accelerator, _bootProcessor) = (accelerator, null);
            if (_pics is not null) accelerator.ConnectExternalInterrupts(this);
        }
    }

    /// <summary>Names the processor that the 8259 pair interrupts.</summary>
    public void Connect(IVirtualCpu bootProcessor)
    {
        lock (deviceLock)
        {
            _bootProcessor = bootProcessor;
            if (_pics is not null) bootProcessor.NotifyExternalInterrupt(_pics.Output);
        }
    }

    /// <summary>Connects the 8259 pair.</summary>
    public void Connect(PicPair pics)
    {
        lock (deviceLock)
        {
            _pics = pics;
            _accelerator?.ConnectExternalInterrupts(this);
        }
    }

    /// <summary>The 8259 pair's output has changed. Device lock held.</summary>
    public void ExternalLineChanged(bool level) => _bootProcessor?.NotifyExternalInterrupt(level);

    /// <inheritdoc/>
    public byte Acknowledge()
    {
        lock (deviceLock) return _pics!.Acknowledge();
    }

    /// <inheritdoc/>
    int IInterruptMessageSink.Send(ulong address, uint data) => Takers = Send(address, data);

    /// <summary>Sends a message of a route.</summary>
    /// <returns>As of <see cref="IAccelerator.SendInterruptMessage"/>.</returns>
    public int Send(in MessageRoute message)
    {
        if (!message.HasDestination) return 0;
        lock (deviceLock) return Send(message.Address, message.BusData);
    }

    private int Send(ulong address, uint data) => _accelerator?.SendInterruptMessage(address, data) ?? -1;
}
