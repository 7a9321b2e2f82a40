using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.Events;

/// <summary>An irqfd: an eventfd of the client's whose signal is an interrupt.</summary>
/// <param name="Gsi">The global system interrupt.</param>
/// <param name="Source">The eventfd.</param>
/// <param name="Resampled">Told when the interrupt ends, until when the line stays up; null for an edge.</param>
internal sealed record Irqfd(uint Gsi, EventDescriptor Source, EventDescriptor? Resampled) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Source.Dispose();
        Resampled?.Dispose();
    }
}
