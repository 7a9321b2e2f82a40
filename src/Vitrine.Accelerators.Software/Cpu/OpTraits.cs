namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>Properties of an instruction beyond its operands.</summary>
[Flags]
internal enum OpTraits : ushort
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>An operand is in memory.</summary>
    Memory = 1,

    /// <summary>LOCK prefix.</summary>
    Lock = 2,

    /// <summary>REP or REPE prefix on a string instruction.</summary>
    Repeat = 4,

    /// <summary>REPNE prefix on a string instruction.</summary>
    RepeatWhileNotEqual = 8,

    /// <summary>Address size is 16 bits.</summary>
    Address16 = 16,

    /// <summary>Address size is 32 bits.</summary>
    Address32 = 32,

    /// <summary>The operand in memory is never checked for alignment, whatever CR0.AM and RFLAGS.AC say.</summary>
    AnyAlignment = 64,
}
