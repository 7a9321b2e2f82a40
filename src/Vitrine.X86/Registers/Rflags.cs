namespace Vitrine.X86.Registers;

/// <summary>Bits of RFLAGS (SDM vol. 1, 3.4.3 "EFLAGS Register").</summary>
public static class Rflags
{
    /// <summary>Carry.</summary>
    public const ulong CF = 1UL << 0;

    /// <summary>Bit 1, always 1.</summary>
    public const ulong Fixed = 1UL << 1;

    /// <summary>Parity of the result's low byte.</summary>
    public const ulong PF = 1UL << 2;

    /// <summary>Auxiliary carry, out of bit 3.</summary>
    public const ulong AF = 1UL << 4;

    /// <summary>Zero.</summary>
    public const ulong ZF = 1UL << 6;

    /// <summary>Sign.</summary>
    public const ulong SF = 1UL << 7;

    /// <summary>Trap: single-step.</summary>
    public const ulong TF = 1UL << 8;

    /// <summary>Interrupt enable.</summary>
    public const ulong IF = 1UL << 9;

    /// <summary>Direction of string instructions.</summary>
    public const ulong DF = 1UL << 10;

    /// <summary>Overflow.</summary>
    public const ulong OF = 1UL << 11;

    /// <summary>I/O privilege level, bits 13:12.</summary>
    public const ulong IOPL = 3UL << 12;

    /// <summary>Nested task.</summary>
    public const ulong NT = 1UL << 14;

    /// <summary>Resume: the next instruction breakpoint is ignored.</summary>
    public const ulong RF = 1UL << 16;

    /// <summary>Virtual-8086 mode.</summary>
    public const ulong VM = 1UL << 17;

    /// <summary>Alignment check; with CR4.SMAP, access to user pages allowed.</summary>
    public const ulong AC = 1UL << 18;

    /// <summary>Virtual interrupt flag.</summary>
    public const ulong VIF = 1UL << 19;

    /// <summary>Virtual interrupt pending.</summary>
    public const ulong VIP = 1UL << 20;

    /// <summary>CPUID is available when this can be changed.</summary>
    public const ulong ID = 1UL << 21;

    /// <summary>Position of <see cref="IOPL"/>.</summary>
    public const int IoplShift = 12;

    /// <summary>The six flags that arithmetic sets.</summary>
    public const ulong Arithmetic = CF | PF | AF | ZF | SF | OF;

    /// <summary>Every bit that is defined, without <see cref="Fixed"/>.</summary>
    public const ulong Defined = Arithmetic | TF | IF | DF | IOPL | NT | RF | VM | AC | VIF | VIP | ID;
}
