namespace Vitrine.Accelerators;

/// <summary>
/// Why a vCPU came back, with what is needed to go on. Filled in place by the accelerator, one per vCPU, so that no exit allocates.
/// </summary>
public unsafe struct VmExit
{
    private byte* _data;
    private int _dataLength;
    private byte* _instruction;
    private int _instructionLength;

    /// <summary>The reason; it says which members hold something.</summary>
    public VmExitReason Reason { get; set; }

    /// <summary>True when the guest writes (OUT, store, WRMSR).</summary>
    public bool IsWrite { get; set; }

    /// <summary>Size of one access in bytes: 1, 2 or 4 for ports, 1 to 8 for memory.</summary>
    public int Size { get; set; }

    /// <summary>Port number.</summary>
    public ushort Port { get; set; }

    /// <summary>How many accesses follow each other to the same port (string I/O); 1 otherwise.</summary>
    public int Count { get; set; }

    /// <summary>Guest-physical address, or MSR index.</summary>
    public ulong Address { get; set; }

    /// <summary>Interrupt or exception vector.</summary>
    public byte Vector { get; set; }

    /// <summary>DR7 as it was in effect when a debugger's exit came.</summary>
    public ulong DebugControl { get; set; }

    /// <summary>Set by who answers an access to an MSR: the instruction raises #GP(0).</summary>
    public bool Failed { get; set; }

    /// <summary>Suberror of an internal error, with KVM's values (1 emulation, 2 simultaneous exception, 3 event delivery, 4 unexpected exit).</summary>
    public uint Suberror { get; set; }

    /// <summary>Reason-specific number.</summary>
    public ulong Detail { get; set; }

    /// <summary>
    /// The data of an access, little-endian, <see cref="Size"/> × <see cref="Count"/> bytes: what the guest writes,
    /// or room for what it is to read.
    /// </summary>
    // SAFETY: the accelerator points this at storage that lives as long as the vCPU, and sets the length with it.
    public readonly Span<byte> Data => new(_data, _dataLength);

    /// <summary>Bytes of the instruction that failed, where known; else empty.</summary>
    // SAFETY: as for Data.
    public readonly ReadOnlySpan<byte> InstructionBytes => new(_instruction, _instructionLength);

    /// <summary>Points <see cref="Data"/> at storage of the accelerator.</summary>
    public void SetData(byte* data, int length)
    {
        _data = data;
        _dataLength = length;
    }

    /// <summary>Points <see cref="InstructionBytes"/> at storage of the accelerator.</summary>
    public void SetInstruction(byte* bytes, int length)
    {
        _instruction = bytes;
        _instructionLength = length;
    }
}
