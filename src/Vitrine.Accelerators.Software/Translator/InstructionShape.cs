namespace Vitrine.Accelerators.Software.Translator;

/// <summary>What the translator knows of an instruction code of Iced, found out once.</summary>
internal struct InstructionShape
{
    /// <summary>What to do with it.</summary>
    public InstructionKind Kind;

    /// <summary>The opcode is followed by ModRM.</summary>
    public bool HasModRm;

    /// <summary>The opcode's low three bits name a general register.</summary>
    public bool HasOpcodeRegister;

    /// <summary>ModRM.reg names a general register.</summary>
    public bool RegIsGeneral;

    /// <summary>ModRM.rm names a general register, if it names a register.</summary>
    public bool RmIsGeneral;

    /// <summary>VEX.vvvv names a general register.</summary>
    public bool VvvvIsGeneral;

    /// <summary>ModRM.reg is one of the bytes AL to BH.</summary>
    public bool RegIsByte;

    /// <summary>ModRM.rm is one of the bytes AL to BH, if it names a register.</summary>
    public bool RmIsByte;

    /// <summary>ModRM.reg's register is written.</summary>
    public bool WritesReg;

    /// <summary>VEX.vvvv's register is written.</summary>
    public bool WritesVvvv;

    /// <summary>ModRM.rm's register or memory is written.</summary>
    public bool WritesRm;

    /// <summary>What is written is written whole without being read.</summary>
    public bool OnlyWrites;

    /// <summary>A memory operand must be aligned to its size.</summary>
    public bool NeedsAlignment;

    /// <summary>Uses XMM or YMM registers.</summary>
    public bool IsVector;

    /// <summary>Uses x87 or MMX registers.</summary>
    public bool IsX87;

    /// <summary>The x87 instruction pointer doesn't follow it: a control instruction, or one of MMX.</summary>
    public bool IsX87Control;

    /// <summary>F2 and F3 mean nothing to it and must go: to the host they would be part of another opcode.</summary>
    public bool DropsRepeat;

    /// <summary>The immediate names a register, in four bits of which 32-bit code has only three.</summary>
    public bool ImmediateIsRegister;

    /// <summary>A register gives the bit, counted from a memory operand whose address is only the start of the bit string.</summary>
    public bool AddressesBits;

    /// <summary>Flags may stay as they were: a shift or rotate by a count that can be zero.</summary>
    public bool MayKeepFlags;

    /// <summary>Bytes of the opcode's immediates.</summary>
    public byte ImmediateBytes;
}
