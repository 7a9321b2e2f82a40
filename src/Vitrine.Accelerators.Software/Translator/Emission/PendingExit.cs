using Vitrine.Accelerators.Software.HostCode;

namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>Code that comes after a block, out of the way of what usually runs, and that the block branches to.</summary>
internal struct PendingExit
{
    /// <summary>What it does.</summary>
    public PendingKind Kind;

    /// <summary>Its start.</summary>
    public CodeLabel Begin;

    /// <summary>Where the block goes on after it.</summary>
    public CodeLabel Resume;

    /// <summary>Of an access: its address.</summary>
    public OperandAddress Address;

    /// <summary>Of an access: the number of its slot.</summary>
    public int Slot;

    /// <summary>Of an access: its bytes.</summary>
    public int Size;

    /// <summary>Of an access: from the address that was checked to its own.</summary>
    public int Own;

    /// <summary>Of an access: how many bytes are checked in one.</summary>
    public int Span;

    /// <summary>Of an access: what the block expects afterwards.</summary>
    public MissEnd End;

    /// <summary>
    /// The instruction's offset in the page, or the target's for <see cref="PendingKind.Link"/> and <see cref="PendingKind.Far"/>.
    /// </summary>
    public long Offset;
}
