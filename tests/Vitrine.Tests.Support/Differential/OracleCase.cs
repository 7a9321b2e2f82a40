using System.Runtime.InteropServices;

namespace Vitrine.Tests.Differential;

/// <summary>One case as both sides read it: the registers it begins with, and its code, at <see cref="MachineImage.Rip"/> in its code segment.</summary>
// SAFETY: the struct is as long as its stride says; the code buffer is only read up to CodeLength, which is at most its size.
[StructLayout(LayoutKind.Explicit, Size = OracleLayout.CaseStride)]
internal unsafe struct OracleCase
{
    public const int CodeOffset = MachineImage.Size;
    public const int CodeCapacity = 112;
    public const int LengthOffset = CodeOffset + CodeCapacity;

    /// <summary>Bytes of the instruction stream itself; INT3 follows up to <see cref="CodeLength"/>.</summary>
    public const int InstructionLengthOffset = LengthOffset + 8;

    public const int CodeAddressOffset = InstructionLengthOffset + 8;

    [FieldOffset(0)]
    public MachineImage Image;

    [FieldOffset(CodeOffset)]
    public fixed byte Code[CodeCapacity];

    /// <summary>Bytes to put into memory.</summary>
    [FieldOffset(LengthOffset)]
    public long CodeLength;

    [FieldOffset(InstructionLengthOffset)]
    public long InstructionLength;

    /// <summary>Linear address of the code.</summary>
    [FieldOffset(CodeAddressOffset)]
    public ulong CodeAddress;

    public byte[] Instructions()
    {
        fixed (byte* code = Code) return new ReadOnlySpan<byte>(code, (int)InstructionLength).ToArray();
    }
}
