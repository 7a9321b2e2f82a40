using Iced.Intel;

namespace Vitrine.Accelerators.Software.Interpreter.Decode;

/// <summary>
/// What Iced's <see cref="OpCodeInfo"/> says of an instruction code, as far as it is wanted here, as constant data: at the first question
/// Iced makes infos, with texts, of all codes, which takes 6 ms. A test compares the table with Iced's answers, and writes it.
/// </summary>
/// <param name="value">An element of the table.</param>
internal readonly partial struct OpcodeFacts(ulong value)
{
    // An element: count of operands, 7 bits for the kind of each, the flags, and of x87 instructions opcode and group index.
    internal const int CountBits = 3;
    internal const int OperandBits = 7;
    internal const int OpcodeShift = 42;
    internal const int GroupIndexShift = 58;
    internal const ulong GroupFlag = 1UL << 38;
    internal const ulong Mode64Flag = 1UL << 39;
    internal const ulong WordFlag = 1UL << 40;
    internal const ulong KnownFlag = 1UL << 41;

    /// <summary>False for the codes of EVEX, XOP and other encodings that no guest here has.</summary>
    public bool IsKnown => (value & KnownFlag) != 0;

    /// <summary>How many operands there are.</summary>
    public int OperandCount => (int)(value & ((1 << CountBits) - 1));

    /// <summary>The opcode is a group's: ModRM.reg is part of it.</summary>
    public bool IsGroup => (value & GroupFlag) != 0;

    /// <summary>64-bit code can have it.</summary>
    public bool IsFor64Bits => (value & Mode64Flag) != 0;

    /// <summary>The operand size is 16 bits.</summary>
    public bool IsWord => (value & WordFlag) != 0;

    /// <summary>Of an x87 instruction, the first opcode byte; of one without an operand in memory with ModRM below it, for ST(0).</summary>
    public uint X87Opcode => (uint)(value >> OpcodeShift) & 0xFFFF;

    /// <summary>Of an x87 instruction with an operand in memory, ModRM.reg.</summary>
    public uint X87GroupIndex => (uint)(value >> GroupIndexShift) & 7;

    /// <summary>The facts of a code.</summary>
    public static OpcodeFacts Of(Code code) => new(Elements[Indices[(int)code]]);

    /// <summary>What an operand is.</summary>
    public OpCodeOperandKind Operand(int number) =>
        (OpCodeOperandKind)((value >> (CountBits + (OperandBits * number))) & ((1 << OperandBits) - 1));
}
