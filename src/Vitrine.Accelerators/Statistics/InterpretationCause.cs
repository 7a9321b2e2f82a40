namespace Vitrine.Accelerators.Statistics;

/// <summary>Why the interpreter executes an instruction amid translated code.</summary>
public enum InterpretationCause
{
    /// <summary>The translator leaves this instruction to it.</summary>
    NotTranslated,

    /// <summary>Translated code found operands that it leaves to it: a division that may fault, a branch to an address that isn't canonical.</summary>
    Operands,

    /// <summary>The access is to a device, or to nothing, or writes to read-only memory.</summary>
    Device,

    /// <summary>The access is in two pages.</summary>
    PageCrossing,

    /// <summary>The access writes to a page that holds code.</summary>
    CodePage,

    /// <summary>The access writes to a page table that the shadow follows.</summary>
    PageTable,

    /// <summary>The access writes to memory whose changes are logged.</summary>
    WriteLog,

    /// <summary>The access is not aligned as its instruction or the check of the stack's page wants it.</summary>
    Alignment,

    /// <summary>Alignment checks or data breakpoints are on: every access is the interpreter's.</summary>
    AccessChecks,

    /// <summary>The instruction itself is not wholly in memory that can be translated.</summary>
    Code,

    /// <summary>Another reason.</summary>
    Other,
}
