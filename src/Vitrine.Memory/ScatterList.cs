using Vitrine.X86;

namespace Vitrine.Memory;

/// <summary>
/// Pieces of guest memory that a device treats as one run of bytes. Made once with room for as many as the device's queue allows, then filled again and again:
/// nothing is allocated for a guest's values. Pieces need not have memory behind them; an access finds out.
/// </summary>
/// <param name="capacity">The most pieces that it holds.</param>
public sealed class ScatterList(int capacity)
{
    private readonly GuestRange[] _pieces = new GuestRange[capacity];

    /// <summary>Pieces in it.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of all pieces.</summary>
    public ulong Length { get; private set; }

    /// <summary>The most pieces that it holds.</summary>
    public int Capacity => _pieces.Length;

    /// <summary>A piece, by its number from 0.</summary>
    public GuestRange this[int piece] => piece < Count ? _pieces[piece] : throw new ArgumentOutOfRangeException(nameof(piece));

    /// <summary>Takes all pieces out.</summary>
    public void Clear()
    {
        Count = 0;
        Length = 0;
    }

    /// <summary>Adds a piece behind the others. An empty one takes no room.</summary>
    /// <param name="start">First address.</param>
    /// <param name="length">Bytes.</param>
    /// <returns>False when there is no room, or the piece would wrap around the end of the addresses.</returns>
    public bool TryAdd(Gpa start, uint length)
    {
        if (length == 0) return true;
        if (Count == _pieces.Length || start.Value > ulong.MaxValue - length) return false;
        _pieces[Count++] = new GuestRange(start, length);
        Length += length;
        return true;
    }

    /// <summary>Copies bytes out.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="offset">Number of the first byte in the run of all pieces.</param>
    /// <param name="destination">Receives the bytes.</param>
    /// <returns>False when the pieces end before, or part of them has no memory; the destination is then undefined.</returns>
    public bool TryRead(IGuestMemory memory, ulong offset, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(memory);
        if (!Holds(offset, (ulong)destination.Length)) return false;
        Cursor cursor = new(this, offset);
        while (destination.Length > 0)
        {
            int part = cursor.Part(destination.Length);
            if (!memory.TryRead(cursor.Address, destination[..part])) return false;
            destination = destination[part..];
            cursor.Advance(part);
        }

        return true;
    }

    /// <summary>Copies bytes in.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="offset">Number of the first byte in the run of all pieces.</param>
    /// <param name="source">The bytes.</param>
    /// <returns>False when the pieces end before: then nothing is written; or part of them can't be written: then what is before it may be.</returns>
    public bool TryWrite(IGuestMemory memory, ulong offset, ReadOnlySpan<byte> source)
    {
        ArgumentNullException.ThrowIfNull(memory);
        if (!Holds(offset, (ulong)source.Length)) return false;
        Cursor cursor = new(this, offset);
        while (source.Length > 0)
        {
            int part = cursor.Part(source.Length);
            if (!memory.TryWrite(cursor.Address, source[..part])) return false;
            source = source[part..];
            cursor.Advance(part);
        }

        return true;
    }

    /// <summary>Copies bytes to another list's, in ascending order and without a buffer between.</summary>
    /// <param name="memory">The memory of both.</param>
    /// <param name="offset">Number of the first byte here.</param>
    /// <param name="target">Receives the bytes.</param>
    /// <param name="targetOffset">Number of the first byte there.</param>
    /// <param name="length">Bytes.</param>
    /// <returns>As <see cref="TryWrite"/>; also false when part of what is to be read has no memory.</returns>
    public bool TryCopyTo(IGuestMemory memory, ulong offset, ScatterList target, ulong targetOffset, ulong length)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(target);
        if (!Holds(offset, length) || !target.Holds(targetOffset, length)) return false;
        Cursor from = new(this, offset);
        Cursor to = new(target, targetOffset);
        while (length > 0)
        {
            int wanted = to.Part(from.Part((int)Math.Min(length, int.MaxValue)));
            if (!memory.TryRentPart(from.Address, wanted, MemoryIntent.Read, out MemoryRental source)) return false;
            using (source)
            {
                wanted = source.Bytes.Length;
                if (!memory.TryWrite(to.Address, source.Bytes)) return false;
            }

            from.Advance(wanted);
            to.Advance(wanted);
            length -= (ulong)wanted;
        }

        return true;
    }

    private bool Holds(ulong offset, ulong length) => offset <= Length && length <= Length - offset;

    /// <summary>A place in the run of bytes.</summary>
    private ref struct Cursor
    {
        private readonly ScatterList _list;
        private int _piece;
        private ulong _within;

        public Cursor(ScatterList list, ulong offset)
        {
            _list = list;
            _within = offset;
            SkipPieces();
        }

        public readonly Gpa Address => _list._pieces[_piece].Start + _within;

        /// <summary>How many of the bytes from here lie in the present piece.</summary>
        public readonly int Part(int wanted) => (int)Math.Min((ulong)wanted, _list._pieces[_piece].Length - _within);

        public void Advance(int bytes)
        {
            _within += (ulong)bytes;
            SkipPieces();
        }

        private void SkipPieces()
        {
            while (_piece < _list.Count && _within >= _list._pieces[_piece].Length) _within -= _list._pieces[_piece++].Length;
        }
    }
}
