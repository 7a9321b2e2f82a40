namespace Vitrine.Accelerators.Software.Translator;

/// <summary>What the translator does with an instruction.</summary>
internal enum InstructionKind : byte
{
    /// <summary>Not looked at yet.</summary>
    Unknown,

    /// <summary>Ends the block; the interpreter executes it.</summary>
    Interpreted,

    /// <summary>The same instruction again, with the host's registers and the translated address.</summary>
    Copied,

    /// <summary>The same, but it touches no operand: prefetches and long NOPs.</summary>
    Nothing,

    /// <summary>LEA.</summary>
    Lea,

    /// <summary>PUSH of a register, an immediate or memory.</summary>
    Push,

    /// <summary>POP to a register.</summary>
    Pop,

    /// <summary>LEAVE.</summary>
    Leave,

    /// <summary>INC and DEC in their one-byte forms, which are prefixes in 64-bit code.</summary>
    ShortIncrement,

    /// <summary>MOV between the accumulator and an absolute address.</summary>
    AbsoluteMove,

    /// <summary>MOV from a segment register to a general one.</summary>
    ReadSegment,

    /// <summary>DIV.</summary>
    Divide,

    /// <summary>IDIV.</summary>
    SignedDivide,

    /// <summary>Jcc.</summary>
    ConditionalJump,

    /// <summary>JMP to a fixed target.</summary>
    Jump,

    /// <summary>JMP to a register or memory.</summary>
    IndirectJump,

    /// <summary>CALL to a fixed target.</summary>
    Call,

    /// <summary>CALL to a register or memory.</summary>
    IndirectCall,

    /// <summary>Near RET.</summary>
    Return,

    /// <summary>MOVS.</summary>
    MoveString,

    /// <summary>STOS.</summary>
    StoreString,

    /// <summary>PUSHF.</summary>
    PushFlags,

    /// <summary>CLI.</summary>
    ClearInterrupts,

    /// <summary>STI.</summary>
    SetInterrupts,

    /// <summary>SWAPGS.</summary>
    SwapGs,
}
