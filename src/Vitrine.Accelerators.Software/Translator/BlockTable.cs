using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>
/// Translated blocks, found by the host address of their guest bytes and their mode. Grows with what is added: a block stays where it is
/// until <see cref="Clear"/>.
/// </summary>
internal sealed unsafe class BlockTable : IDisposable
{
    // SAFETY: a segment has BlocksPerSegment elements and is freed in Clear and Dispose only; the bucket table has 2^_bucketBits elements,
    // to which hashes are cut; links lead to blocks of segments that exist.
    private const int BlocksPerSegment = 1 << 13;
    private const int FirstBucketBits = 14;
    private const int CacheLine = 64;
    private const ulong Golden = 0x9E37_79B9_7F4A_7C15;

    private readonly List<nint> _segments = [];
    private TranslatedBlock** _buckets;
    private int _bucketBits = FirstBucketBits;
    private int _found;

    /// <summary>Creates an empty table.</summary>
    public BlockTable()
    {
        _buckets = AllocateBuckets(FirstBucketBits);
        if (!TryAddSegment()) throw new OutOfMemoryException();
    }

    /// <summary>Blocks and entries added since the last <see cref="Clear"/>, dropped ones included.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of memory that the table has beyond what it begins with.</summary>
    public nuint GrownBytes =>
        ((nuint)(_segments.Count - 1) * BlocksPerSegment * (nuint)sizeof(TranslatedBlock)) +
        ((((nuint)1 << _bucketBits) - ((nuint)1 << FirstBucketBits)) * (nuint)sizeof(TranslatedBlock*));

    /// <summary>The block at an address for a mode, or null.</summary>
    public TranslatedBlock* Find(byte* guest, ExecutionMode mode)
    {
        for (TranslatedBlock* block = *Bucket(guest); block != null; block = block->NextInBucket)
        {
            if (block->Guest == guest && block->Mode == mode) return block;
        }

        return null;
    }

    /// <summary>
    /// The block whose code, with its entries, holds a host address in the executable view; null where none does. Looks at every block.
    /// </summary>
    public TranslatedBlock* Containing(byte* executable)
    {
        // Code is handed out upwards: what begins last before the address holds it.
        TranslatedBlock* closest = null;
        byte* start = null;
        for (int i = 0; i < Count; i++)
        {
            TranslatedBlock* block = At(i);
            foreach (nint part in (ReadOnlySpan<nint>)[(nint)block->Body, (nint)block->Entry, (nint)block->LoopEntry])
            {
                if ((byte*)part <= start || (byte*)part > executable) continue;
                start = (byte*)part;
                closest = block;
            }
        }

        return closest != null && executable < start + closest->HostBytes ? closest : null;
    }

    /// <summary>Makes sure of room for two blocks more.</summary>
    /// <returns>False when the host has no memory for it.</returns>
    public bool TryMakeRoom() => Count + 2 <= _segments.Count * BlocksPerSegment || TryAddSegment();

    /// <summary>Adds a block that can be found. There must be room.</summary>
    public TranslatedBlock* Add(in TranslatedBlock block)
    {
        if (++_found > 1 << _bucketBits) GrowBuckets();
        TranslatedBlock* stored = AddUnnamed(in block);
        TranslatedBlock** bucket = Bucket(block.Guest);
        stored->NextInBucket = *bucket;
        *bucket = stored;
        return stored;
    }

    /// <summary>Adds one that only lists of blocks lead to. There must be room.</summary>
    public TranslatedBlock* AddUnnamed(in TranslatedBlock block)
    {
        TranslatedBlock* stored = At(Count++);
        *stored = block;
        return stored;
    }

    /// <summary>A block is no longer to be found.</summary>
    public void Remove(TranslatedBlock* block)
    {
        TranslatedBlock** link = Bucket(block->Guest);
        while (*link != block) link = &(*link)->NextInBucket;
        *link = block->NextInBucket;
        _found--;
    }

    /// <summary>Forgets everything, and gives all memory back but that of a small table.</summary>
    public void Clear()
    {
        for (int i = 1; i < _segments.Count; i++) NativeMemory.AlignedFree((void*)_segments[i]);
        _segments.RemoveRange(1, _segments.Count - 1);
        Count = _found = 0;
        if (_bucketBits == FirstBucketBits)
        {
            NativeMemory.Clear(_buckets, ((nuint)1 << FirstBucketBits) * (nuint)sizeof(TranslatedBlock*));
            return;
        }

        NativeMemory.Free(_buckets);
        _bucketBits = FirstBucketBits;
        _buckets = AllocateBuckets(FirstBucketBits);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (nint segment in _segments) NativeMemory.AlignedFree((void*)segment);
        _segments.Clear();
        NativeMemory.Free(_buckets);
        _buckets = null;
    }

    private static TranslatedBlock** AllocateBuckets(int bits) =>
        (TranslatedBlock**)NativeMemory.AllocZeroed((nuint)1 << bits, (nuint)sizeof(TranslatedBlock*));

    private TranslatedBlock* At(int index) => (TranslatedBlock*)_segments[index / BlocksPerSegment] + (index % BlocksPerSegment);

    private TranslatedBlock** Bucket(byte* guest) => _buckets + (((ulong)guest * Golden) >> (64 - _bucketBits));

    private bool TryAddSegment()
    {
        try
        {
            _segments.Add((nint)NativeMemory.AlignedAlloc(BlocksPerSegment * (nuint)sizeof(TranslatedBlock), CacheLine));
            return true;
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
    }

    private void GrowBuckets()
    {
        TranslatedBlock** old = _buckets;
        int count = 1 << _bucketBits;
        try
        {
            _buckets = AllocateBuckets(_bucketBits + 1);
        }
        catch (OutOfMemoryException)
        {
            // Longer chains are slower, and right.
            return;
        }

        _bucketBits++;
        for (int i = 0; i < count; i++)
        {
            TranslatedBlock* block = old[i];
            while (block != null)
            {
                TranslatedBlock* next = block->NextInBucket;
                TranslatedBlock** bucket = Bucket(block->Guest);
                block->NextInBucket = *bucket;
                *bucket = block;
                block = next;
            }
        }

        NativeMemory.Free(old);
    }
}
