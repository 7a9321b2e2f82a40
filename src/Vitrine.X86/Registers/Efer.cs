namespace Vitrine.X86.Registers;

/// <summary>Bits of IA32_EFER (SDM vol. 3, 2.2.1 "Extended Feature Enable Register").</summary>
public static class Efer
{
    /// <summary>SYSCALL and SYSRET enabled.</summary>
    public const ulong SCE = 1UL << 0;

    /// <summary>IA-32e mode enable.</summary>
    public const ulong LME = 1UL << 8;

    /// <summary>IA-32e mode active: LME and CR0.PG. Set by the processor.</summary>
    public const ulong LMA = 1UL << 10;

    /// <summary>Execute-disable bit enable.</summary>
    public const ulong NXE = 1UL << 11;

    /// <summary>Every bit that is defined on a processor without SVM; a write of another raises #GP.</summary>
    public const ulong Defined = SCE | LME | LMA | NXE;
}
