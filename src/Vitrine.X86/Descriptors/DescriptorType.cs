namespace Vitrine.X86.Descriptors;

/// <summary>Types of system segments and gates (S = 0; SDM vol. 3, table 3-2).</summary>
public static class DescriptorType
{
    /// <summary>16-bit TSS, available. Not in IA-32e mode.</summary>
    public const byte Tss16Available = 1;

    /// <summary>Local descriptor table.</summary>
    public const byte Ldt = 2;

    /// <summary>16-bit TSS, busy. Not in IA-32e mode.</summary>
    public const byte Tss16Busy = 3;

    /// <summary>16-bit call gate. Not in IA-32e mode.</summary>
    public const byte CallGate16 = 4;

    /// <summary>Task gate. Not in IA-32e mode.</summary>
    public const byte TaskGate = 5;

    /// <summary>16-bit interrupt gate. Not in IA-32e mode.</summary>
    public const byte InterruptGate16 = 6;

    /// <summary>16-bit trap gate. Not in IA-32e mode.</summary>
    public const byte TrapGate16 = 7;

    /// <summary>32-bit (IA-32e mode: 64-bit) TSS, available.</summary>
    public const byte TssAvailable = 9;

    /// <summary>32-bit (IA-32e mode: 64-bit) TSS, busy.</summary>
    public const byte TssBusy = 11;

    /// <summary>32-bit (IA-32e mode: 64-bit) call gate.</summary>
    public const byte CallGate = 12;

    /// <summary>32-bit (IA-32e mode: 64-bit) interrupt gate.</summary>
    public const byte InterruptGate = 14;

    /// <summary>32-bit (IA-32e mode: 64-bit) trap gate.</summary>
    public const byte TrapGate = 15;

    /// <summary>Bit of a code or data type (S = 1) that the processor sets when it loads the descriptor.</summary>
    public const byte Accessed = 1;

    /// <summary>Bit that makes a data segment writable.</summary>
    public const byte Writable = 2;

    /// <summary>Bit that makes a code segment readable.</summary>
    public const byte Readable = 2;

    /// <summary>Bit that makes a data segment expand down.</summary>
    public const byte ExpandDown = 4;

    /// <summary>Bit that makes a code segment conforming.</summary>
    public const byte Conforming = 4;

    /// <summary>Bit that tells a code segment from a data segment.</summary>
    public const byte Code = 8;
}
