using Vitrine.Accelerators;
using Vitrine.Devices.Interrupts;

namespace Vitrine.Boards;

/// <summary>
/// The seam between a board's interrupt controllers and the accelerator's local APICs.
/// </summary>
internal sealed class BoardInterrupts : IExternalInterruptSource, IInterruptFabric
{
    private readonly IAccelerator _accelerator;
    private volatile IVirtualCpu? _bootProcessor;
    private volatile PicPair? _pics;
    private volatile Lock? _deviceLock;

    /// <summary>Connects an accelerator.</summary>
    public BoardInterrupts(IAccelerator accelerator)
    {
        _accelerator = accelerator;
        if (!accelerator.HasInterruptControllers) accelerator.ConnectExternalInterrupts(this);
    }

    /// <inheritdoc/>
    public bool InAccelerator => _accelerator.HasInterruptControllers;

    /// <inheritdoc/>
    public IInterruptSink AcceleratorLines => new LineSink(_accelerator);

    /// <summary>Names the processor that the 8259 pair interrupts.</summary>
    public void ConnectBootProcessor(IVirtualCpu cpu) => _bootProcessor = cpu;

    /// <inheritdoc/>
    public void Connect(PicPair pics, Lock deviceLock)
    {
        _deviceLock = deviceLock;
        _pics = pics;
        ExternalLineChanged(pics.Output);
    }

    /// <inheritdoc/>
    public void ExternalLineChanged(bool level) => _bootProcessor?.NotifyExternalInterrupt(level);

    /// <inheritdoc/>
    public byte Acknowledge()
    {
        lock (_deviceLock!) return _pics!.Acknowledge();
    }

    /// <inheritdoc/>
    public int Send(ulong address, uint data) => _accelerator.SendInterruptMessage(address, data);

    private sealed class LineSink(IAccelerator accelerator) : IInterruptSink
    {
        public void SetLine(int line, bool level) => accelerator.SetInterruptLine(line, level);
    }
}
