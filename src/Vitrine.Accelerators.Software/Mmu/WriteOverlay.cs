namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// Writes that a trial run of instructions has made, kept apart from memory: later reads of the run see them, nobody else does.
/// </summary>
internal sealed unsafe class WriteOverlay
{
    // SAFETY: copies within the buffers that callers give, of the size they give.
    private readonly Dictionary<ulong, byte> _bytes = [];
    private readonly List<(int Instruction, ulong Gpa, byte Value)> _writes = [];

    /// <summary>The number of the instruction that writes are noted under.</summary>
    public int Instruction { get; set; }

    /// <summary>The run wanted something that only a real one may have, such as a device.</summary>
    public bool Refused { get; set; }

    /// <summary>Begins a run.</summary>
    public void Clear()
    {
        _bytes.Clear();
        _writes.Clear();
        Refused = false;
    }

    /// <summary>Notes a write.</summary>
    public void Add(ulong gpa, byte* source, int size)
    {
        for (int i = 0; i < size; i++)
        {
            _bytes[gpa + (ulong)i] = source[i];
            _writes.Add((Instruction, gpa + (ulong)i, source[i]));
        }
    }

    /// <summary>Puts what the run has written over bytes that were read from memory.</summary>
    public void Apply(ulong gpa, byte* destination, int size)
    {
        if (_bytes.Count == 0) return;
        for (int i = 0; i < size; i++)
        {
            if (_bytes.TryGetValue(gpa + (ulong)i, out byte value)) destination[i] = value;
        }
    }

    /// <summary>What memory must hold after a number of instructions, as far as they wrote to it.</summary>
    public IReadOnlyDictionary<ulong, byte> After(int instructions)
    {
        Dictionary<ulong, byte> bytes = [];
        foreach ((int instruction, ulong gpa, byte value) in _writes)
        {
            if (instruction < instructions) bytes[gpa] = value;
        }

        return bytes;
    }
}
