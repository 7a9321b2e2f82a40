using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>
/// One decoded instruction: its handler and its operands, resolved once. 64 bytes: one cache line.
/// </summary>
/// <remarks>
/// A handler executes the instruction and returns the operation to go on with: <c>op + 1</c>, the first operation of
/// another block, or null to return to the dispatcher, with the reason in <see cref="CpuState.Leave"/>.
/// A memory operand's address is <c>[Base] + ([Index] &lt;&lt; Scale) + Disp</c>, where [x] is the 64-bit value at offset x of
/// <see cref="CpuState"/>; an absent base or index points at <see cref="CpuState.Zero"/>, a RIP-relative one has
/// <see cref="CpuState.BlockRip"/> as its base.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal unsafe struct Op
{
    /// <summary>Executes the instruction.</summary>
    [FieldOffset(0)]
    public delegate*<CpuState*, Op*, Op*> Handler;

    /// <summary>Immediate operand, extended as the instruction asks; for relative branches the target's distance from the block's first byte.</summary>
    [FieldOffset(8)]
    public ulong Imm;

    /// <summary>Displacement, sign-extended when used.</summary>
    [FieldOffset(16)]
    public long Disp;

    /// <summary>Offset in CpuState of the first (destination) register operand.</summary>
    [FieldOffset(24)]
    public ushort Dst;

    /// <summary>Offset in CpuState of the second (source) register operand.</summary>
    [FieldOffset(26)]
    public ushort Src;

    /// <summary>Offset in CpuState of the address's base.</summary>
    [FieldOffset(28)]
    public ushort Base;

    /// <summary>Offset in CpuState of the address's index.</summary>
    [FieldOffset(30)]
    public ushort Index;

    /// <summary>Offset in CpuState of the segment base to add: <see cref="CpuState.Zero"/> for segments without base in 64-bit mode.</summary>
    [FieldOffset(32)]
    public ushort SegmentBase;

    /// <summary>Offset in CpuState of a third register operand.</summary>
    [FieldOffset(34)]
    public ushort Src2;

    /// <summary>Distance of the instruction's first byte from the block's first byte.</summary>
    [FieldOffset(36)]
    public ushort RipOffset;

    /// <summary>Instructions of the block up to and including this one.</summary>
    [FieldOffset(38)]
    public ushort Position;

    /// <summary>Log2 of the index's factor.</summary>
    [FieldOffset(40)]
    public byte Scale;

    /// <summary>Segment of the memory operand, <see cref="X86.State.Seg"/>.</summary>
    [FieldOffset(41)]
    public byte Segment;

    /// <summary>Length of the instruction in bytes.</summary>
    [FieldOffset(42)]
    public byte Length;

    /// <summary>How the address is formed.</summary>
    [FieldOffset(43)]
    public AddressForm Form;

    /// <summary>Properties of the instruction that handlers ask for at run time.</summary>
    [FieldOffset(44)]
    public OpTraits Traits;

    /// <summary>Handler-specific.</summary>
    [FieldOffset(46)]
    public ushort Extra;

    /// <summary>First operation of the block that a direct branch or the end of the block leads to, once known.</summary>
    [FieldOffset(48)]
    public Op* Link;

    /// <summary>The branch's target lies in the same page as the block, so <see cref="Link"/> may be set.</summary>
    [FieldOffset(56)]
    public bool StaysInPage;
}
