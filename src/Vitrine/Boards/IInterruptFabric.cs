using Vitrine.Devices.Interrupts;

namespace Vitrine.Boards;

/// <summary>Where a board's interrupt lines lead: to controllers of the accelerator, or through the board's own to the local APICs.</summary>
internal interface IInterruptFabric : IInterruptMessageSink
{
    /// <summary>True when PIC, IOAPIC and PIT are the accelerator's.</summary>
    bool InAccelerator { get; }

    /// <summary>Lines into the accelerator's own controllers.</summary>
    IInterruptSink AcceleratorLines { get; }

    /// <summary>Names the 8259 pair that is asked for vectors.</summary>
    /// <param name="pics">The pair.</param>
    /// <param name="deviceLock">The machine's device lock.</param>
    void Connect(PicPair pics, Lock deviceLock);

    /// <summary>The 8259 pair's output has changed.</summary>
    void ExternalLineChanged(bool level);
}
