using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.Irqchip;

/// <summary>The irqfds with a resamplefd of one global system interrupt: they share its line. Device lock held.</summary>
/// <param name="gsi">The global system interrupt.</param>
internal sealed class Resampler(uint gsi)
{
    /// <summary>The global system interrupt.</summary>
    public uint Gsi => gsi;

    /// <summary>Who is told that the interrupt ended.</summary>
    public List<EventDescriptor> Told { get; } = [];
}
