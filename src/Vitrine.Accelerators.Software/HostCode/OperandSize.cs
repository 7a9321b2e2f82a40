namespace Vitrine.Accelerators.Software.HostCode;

/// <summary>Size of an instruction's operands, as the binary logarithm of the bytes.</summary>
internal enum OperandSize : byte
{
    /// <summary>8 bits.</summary>
    Byte,

    /// <summary>16 bits.</summary>
    Word,

    /// <summary>32 bits. A register's upper half becomes zero.</summary>
    Dword,

    /// <summary>64 bits.</summary>
    Qword,
}
