namespace Vitrine.Memory;

/// <summary>
/// Guest memory that is lent for use in place, see <see cref="IGuestMemory.TryRent"/>. It stays mapped until the rental is disposed, even if its slot goes away.
/// </summary>
public readonly ref struct MemoryRental : IDisposable
{
    private readonly GuestMemory? _memory;
    private readonly MemorySlot? _slot;
    private readonly ulong _offset;
    private readonly Span<byte> _bytes;
    private readonly MemoryIntent _intent;

    /// <summary>Lends part of a slot, whose host memory the caller has taken a reference to.</summary>
    internal unsafe MemoryRental(GuestMemory memory, MemorySlot slot, ulong offset, int length, MemoryIntent intent)
    {
        _memory = memory;
        _slot = slot;
        _offset = offset;

        // SAFETY: the caller has checked the range against the slot, and the reference keeps the mapping until Dispose.
        _bytes = new Span<byte>(slot.Pointer + offset, length);
        _intent = intent;
    }

    /// <summary>The memory, for reading.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>The memory, for writing.</summary>
    /// <exception cref="InvalidOperationException">It was rented for reading only.</exception>
    public Span<byte> Writable => (_intent & MemoryIntent.Write) != 0 || _memory is null
        ? _bytes
        : throw new InvalidOperationException("The memory was rented for reading.");

    /// <summary>
    /// Says that bytes have been written. Only needed where something is to follow the write before the rental ends; <see cref="Dispose"/> says it too.
    /// </summary>
    public void Commit()
    {
        if ((_intent & MemoryIntent.Write) != 0 && _bytes.Length != 0) _memory!.NoteWritten(_slot!, _offset, (ulong)_bytes.Length);
    }

    /// <summary>Ends the rental, and says that bytes have been written if it was made for that. Call it once.</summary>
    public void Dispose()
    {
        if (_memory is null) return;
        Commit();
        _slot!.Host.DangerousRelease();
    }
}
