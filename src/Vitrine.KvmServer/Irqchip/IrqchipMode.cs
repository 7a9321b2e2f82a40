namespace Vitrine.KvmServer.Irqchip;

/// <summary>Which interrupt controllers a machine has inside.</summary>
internal enum IrqchipMode
{
    /// <summary>None: the client has them all.</summary>
    None,

    /// <summary>KVM_CREATE_IRQCHIP: the 8259 pair, the IOAPIC and the local APICs.</summary>
    Full,

    /// <summary>KVM_CAP_SPLIT_IRQCHIP: the local APICs; the client has the others and sends messages.</summary>
    Split,
}
