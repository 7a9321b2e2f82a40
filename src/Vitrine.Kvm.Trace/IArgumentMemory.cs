namespace Vitrine.Kvm.Trace;

/// <summary>
/// The memory that an ioctl's argument points into. A client that is served may pass any number, so that it is read with care; the accelerator's own arguments are
/// just there.
/// </summary>
public interface IArgumentMemory
{
    /// <summary>Copies bytes out.</summary>
    /// <param name="address">First address in this process.</param>
    /// <param name="destination">Receives the bytes.</param>
    /// <returns>False when they aren't all there; the destination is then undefined.</returns>
    bool TryRead(ulong address, Span<byte> destination);
}
