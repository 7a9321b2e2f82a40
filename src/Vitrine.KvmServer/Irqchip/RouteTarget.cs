namespace Vitrine.KvmServer.Irqchip;

/// <summary>What a route leads to.</summary>
internal enum RouteTarget
{
    /// <summary>An input of the 8259 pair, 0 to 15.</summary>
    Pic,

    /// <summary>A pin of the IOAPIC, 0 to 23.</summary>
    Ioapic,

    /// <summary>A message to local APICs.</summary>
    Message,
}
