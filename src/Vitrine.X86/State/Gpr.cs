namespace Vitrine.X86.State;

/// <summary>General-purpose register numbers, in instruction-encoding order.</summary>
public static class Gpr
{
    /// <summary>RAX.</summary>
    public const int Rax = 0;

    /// <summary>RCX.</summary>
    public const int Rcx = 1;

    /// <summary>RDX.</summary>
    public const int Rdx = 2;

    /// <summary>RBX.</summary>
    public const int Rbx = 3;

    /// <summary>RSP.</summary>
    public const int Rsp = 4;

    /// <summary>RBP.</summary>
    public const int Rbp = 5;

    /// <summary>RSI.</summary>
    public const int Rsi = 6;

    /// <summary>RDI.</summary>
    public const int Rdi = 7;

    /// <summary>R8; R9 to R15 follow.</summary>
    public const int R8 = 8;

    /// <summary>How many there are.</summary>
    public const int Count = 16;
}
