namespace Vitrine.Kvm.Trace;

/// <summary>Arguments that the process passes itself, and so knows to be there.</summary>
public sealed unsafe class OwnMemory : IArgumentMemory
{
    private OwnMemory()
    {
    }

    /// <summary>The one instance.</summary>
    public static OwnMemory Instance { get; } = new();

    /// <inheritdoc/>
    public bool TryRead(ulong address, Span<byte> destination)
    {
        // SAFETY: the argument is what the accelerator passes to the kernel, so it has at least the size that the request encodes; lists are read as far as their
        // own counts say, which the accelerator has set with the room that it gave.
        new ReadOnlySpan<byte>((void*)address, destination.Length).CopyTo(destination);
        return true;
    }
}
