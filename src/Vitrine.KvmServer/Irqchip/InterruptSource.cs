namespace Vitrine.KvmServer.Irqchip;

/// <summary>Who drives a line. A pin is asserted while any of them asserts it.</summary>
internal enum InterruptSource
{
    /// <summary>The client: KVM_IRQ_LINE and irqfds.</summary>
    Client,

    /// <summary>Irqfds with a resamplefd, until the interrupt's end.</summary>
    Resampled,

    /// <summary>The interval timer.</summary>
    Timer,
}
