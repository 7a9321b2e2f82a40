namespace Vitrine.Accelerators.Software.Translator.Analysis;

/// <summary>What has to be known of an instruction to write it again: of its encoding, and of what it does with its operands.</summary>
[Flags]
internal enum InstructionTraits : uint
{
    None = 0,

    /// <summary>The opcode is followed by ModRM.</summary>
    HasModRm = 1 << 0,

    /// <summary>The opcode's low three bits name a general register.</summary>
    HasOpcodeRegister = 1 << 1,

    /// <summary>ModRM.reg names a general register.</summary>
    RegIsGeneral = 1 << 2,

    /// <summary>ModRM.rm names a general register, if it names a register.</summary>
    RmIsGeneral = 1 << 3,

    /// <summary>VEX.vvvv names a general register.</summary>
    VvvvIsGeneral = 1 << 4,

    /// <summary>ModRM.reg is one of the bytes AL to BH.</summary>
    RegIsByte = 1 << 5,

    /// <summary>ModRM.rm is one of the bytes AL to BH, if it names a register.</summary>
    RmIsByte = 1 << 6,

    /// <summary>ModRM.reg's register, or the opcode's, is written.</summary>
    WritesReg = 1 << 7,

    /// <summary>VEX.vvvv's register is written.</summary>
    WritesVvvv = 1 << 8,

    /// <summary>ModRM.rm's register or memory is written.</summary>
    WritesRm = 1 << 9,

    /// <summary>What is written is written whole without being read.</summary>
    OnlyWrites = 1 << 10,

    /// <summary>The first operand isn't written, as it is as a rule.</summary>
    ReadsFirst = 1 << 11,

    /// <summary>The second operand is written too.</summary>
    WritesSecond = 1 << 12,

    /// <summary>An operand in memory of 16 bytes or more must be aligned to its size: the rule without VEX.</summary>
    NeedsAlignment = 1 << 13,

    /// <summary>It need not be aligned.</summary>
    IsUnaligned = 1 << 14,

    /// <summary>Uses XMM or YMM registers, or MXCSR.</summary>
    IsVector = 1 << 15,

    /// <summary>Uses x87 or MMX registers.</summary>
    IsX87 = 1 << 16,

    /// <summary>Uses MMX registers.</summary>
    IsMmx = 1 << 17,

    /// <summary>The x87 instruction pointer doesn't follow it: a control instruction, or one of MMX.</summary>
    IsX87Control = 1 << 18,

    /// <summary>An x87 instruction that writes its operand in memory.</summary>
    StoresX87 = 1 << 19,

    /// <summary>F2 and F3 mean nothing to it and must go: to the host they would be part of another opcode.</summary>
    DropsRepeat = 1 << 20,

    /// <summary>The immediate names a register, in four bits of which 32-bit code has only three.</summary>
    ImmediateIsRegister = 1 << 21,

    /// <summary>A register gives the bit, counted from a memory operand whose address is only the start of the bit string.</summary>
    AddressesBits = 1 << 22,

    /// <summary>Flags may stay as they were: a shift or rotate by a count that can be zero.</summary>
    MayKeepFlags = 1 << 23,

    /// <summary>With operands of 16 bits it is the interpreter's.</summary>
    NoWord = 1 << 24,
}
