namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// Writes that a trial run of instructions has made, kept apart from memory: later reads of the run see them, nobody else does.
/// </summary>
internal sealed unsafe class WriteOverlay
{
    // SAFETY: copies within the buffers that callers give, of the size they give.
    private TrialWrite[] _writes = new TrialWrite[64];

    /// <summary>The number of the instruction that writes are noted under, from 0.</summary>
    public int Instruction { get; set; }

    /// <summary>The run wanted something that only a real one may have, such as a device.</summary>
    public bool Refused { get; set; }

    /// <summary>
    /// <see cref="Refused"/>, because an instruction behind the first one needs a page that the TLB doesn't have. A walk of the page tables sees memory without the
    /// run's writes, and sets bits in it that translated code would see too early.
    /// </summary>
    public bool NeedsWalk { get; set; }

    /// <summary>The writes, in their order.</summary>
    public ReadOnlySpan<TrialWrite> Writes => _writes.AsSpan(0, Count);

    private int Count { get; set; }

    /// <summary>Begins a run.</summary>
    public void Clear()
    {
        Count = 0;
        Refused = false;
        NeedsWalk = false;
    }

    /// <summary>Notes a write, which lies in one page.</summary>
    /// <param name="gpa">Its guest-physical address.</param>
    /// <param name="host">Its host address.</param>
    /// <param name="source">What is written.</param>
    /// <param name="size">How many bytes.</param>
    public void Add(ulong gpa, byte* host, byte* source, int size)
    {
        while (size > 0)
        {
            int part = Math.Min(size, TrialWrite.Capacity);
            if (Count == _writes.Length) Array.Resize(ref _writes, 2 * Count);
            _writes[Count++] = new TrialWrite(Instruction, gpa, (nint)host, new ReadOnlySpan<byte>(source, part));
            gpa += (ulong)part;
            host += part;
            source += part;
            size -= part;
        }
    }

    /// <summary>Puts what the run has written over bytes that were read from memory.</summary>
    public void Apply(ulong gpa, byte* destination, int size)
    {
        foreach (ref readonly TrialWrite write in Writes)
        {
            long offset = (long)(write.Gpa - gpa);
            if (offset >= size || offset <= -TrialWrite.Capacity) continue;
            ReadOnlySpan<byte> bytes = write.Bytes;
            int first = (int)Math.Max(0, -offset);
            int end = (int)Math.Min(bytes.Length, size - offset);
            if (first < end) bytes[first..end].CopyTo(new Span<byte>(destination + offset + first, end - first));
        }
    }
}
