namespace Vitrine.Tests.Software.Stacks;

/// <summary>The sizes that decide how an instruction uses the stack, each by its own cause.</summary>
/// <param name="Code">16, 32 or 64: CS.D and CS.L.</param>
/// <param name="OperandPrefix">A prefix 66.</param>
/// <param name="AddressPrefix">A prefix 67.</param>
/// <param name="Stack">16 or 32: SS.B; 64 in 64-bit code.</param>
/// <param name="Wide">A prefix REX.W; 64-bit code only.</param>
internal sealed record StackWidths(int Code, bool OperandPrefix, bool AddressPrefix, int Stack, bool Wide = false)
{
    private const byte OperandSize = 0x66;
    private const byte AddressSize = 0x67;
    private const byte RexW = 0x48;

    /// <summary>The eight combinations of operand, address and stack size in code of either size, and those of 64-bit code.</summary>
    public static IReadOnlyList<StackWidths> All { get; } =
    [
        .. from code in (int[])[16, 32]
           from operand in (bool[])[false, true]
           from address in (bool[])[false, true]
           from stack in (int[])[16, 32]
           select new StackWidths(code, operand, address, stack),
        .. from operand in (bool[])[false, true]
           from address in (bool[])[false, true]
           select new StackWidths(64, operand, address, 64),
        new StackWidths(64, false, false, 64, Wide: true),
    ];

    /// <summary>Bytes of the operand of PUSH, POP, ENTER and their kin, which are 64-bit instructions in 64-bit code.</summary>
    public int Operand => Code == 64 ? (OperandPrefix ? 2 : 8) : Far;

    /// <summary>Bytes of the operand of far transfers and IRET, which are 32-bit instructions in 64-bit code.</summary>
    public int Far => Wide ? 8 : (Code != 16) == OperandPrefix ? 2 : 4;

    /// <summary>Bytes of an address.</summary>
    public int Address => Code == 64 ? (AddressPrefix ? 4 : 8) : (Code == 32) == AddressPrefix ? 2 : 4;

    /// <summary>An instruction with the prefixes that these sizes take.</summary>
    public byte[] Encode(params ReadOnlySpan<byte> instruction)
    {
        List<byte> bytes = [];
        if (OperandPrefix) bytes.Add(OperandSize);
        if (AddressPrefix) bytes.Add(AddressSize);
        if (Wide) bytes.Add(RexW);
        bytes.AddRange(instruction);
        return [.. bytes];
    }

    /// <summary>The same with an immediate behind it.</summary>
    public byte[] EncodeWithImmediate(byte opcode, ulong immediate, int size) => Encode([opcode, .. BitConverter.GetBytes(immediate).AsSpan(0, size)]);
}
