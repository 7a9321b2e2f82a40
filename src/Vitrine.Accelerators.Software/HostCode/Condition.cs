namespace Vitrine.Accelerators.Software.HostCode;

/// <summary>Condition codes, as opcodes have them in their low four bits (SDM vol. 1, appendix B).</summary>
internal enum Condition : byte
{
    Overflow,
    NotOverflow,
    Below,
    AboveOrEqual,
    Equal,
    NotEqual,
    BelowOrEqual,
    Above,
    Sign,
    NotSign,
    Parity,
    NotParity,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Greater,
}
