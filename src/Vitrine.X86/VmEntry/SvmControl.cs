namespace Vitrine.X86.VmEntry;

/// <summary>Bits of a VMCB's control area (APM vol. 2, appendix B, table B-1).</summary>
public static class SvmControl
{
    /// <summary>Intercepts at 00Ch: external interrupts.</summary>
    public const int Intr = 0;

    /// <summary>Intercepts at 00Ch: INVLPG.</summary>
    public const int Invlpg = 25;

    /// <summary>Intercepts at 00Ch: port accesses by bitmap.</summary>
    public const int Io = 27;

    /// <summary>Intercepts at 00Ch: RDMSR and WRMSR by bitmap.</summary>
    public const int Msr = 28;

    /// <summary>Intercepts at 00Ch: HLT.</summary>
    public const int Hlt = 24;

    /// <summary>Intercepts at 00Ch: shutdown (triple fault).</summary>
    public const int Shutdown = 31;

    /// <summary>Intercepts at 010h: VMRUN, which must be intercepted.</summary>
    public const int Vmrun = 0;

    /// <summary>Intercepts at 000h: reading CR3.</summary>
    public const int ReadCr3 = 3;

    /// <summary>Intercepts at 000h: writing CR3.</summary>
    public const int WriteCr3 = 19;

    /// <summary>Intercepts at 008h: page faults.</summary>
    public const int PageFault = 14;

    /// <summary>060h: physical interrupts are masked by the host's RFLAGS.IF, not the guest's.</summary>
    public const int VirtualInterruptMasking = 24;

    /// <summary>090h: nested paging.</summary>
    public const int NestedPaging = 0;
}
