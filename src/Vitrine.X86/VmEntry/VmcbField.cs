namespace Vitrine.X86.VmEntry;

/// <summary>
/// The fields of a VMCB that VMRUN looks at. The value is a position in <see cref="VmcbFields.All"/>, which has the offset and the manual's name.
/// </summary>
public enum VmcbField
{
    /// <summary>Intercept reads (15:0) and writes (31:16) of CR0 to CR15.</summary>
    InterceptCr,

    /// <summary>Intercept reads (15:0) and writes (31:16) of DR0 to DR15.</summary>
    InterceptDr,

    /// <summary>Intercept exception vectors 0 to 31.</summary>
    InterceptExceptions,

    /// <summary>Intercept INTR, NMI, SMI, INVLPG, HLT and others.</summary>
    Intercept1,

    /// <summary>Intercept VMRUN, VMMCALL, VMLOAD and others.</summary>
    Intercept2,

    /// <summary>IOPM_BASE_PA.</summary>
    IopmBase,

    /// <summary>MSRPM_BASE_PA.</summary>
    MsrpmBase,

    /// <summary>TSC_OFFSET.</summary>
    TscOffset,

    /// <summary>Guest ASID.</summary>
    GuestAsid,

    /// <summary>TLB_CONTROL.</summary>
    TlbControl,

    /// <summary>V_TPR, V_IRQ, V_INTR_MASKING and others.</summary>
    VirtualInterrupt,

    /// <summary>INTERRUPT_SHADOW.</summary>
    InterruptShadow,

    /// <summary>NP_ENABLE.</summary>
    NestedControl,

    /// <summary>EVENTINJ.</summary>
    EventInjection,

    /// <summary>N_CR3.</summary>
    NestedCr3,

    /// <summary>VMCB clean bits.</summary>
    CleanBits,

    /// <summary>nRIP.</summary>
    NextRip,

    /// <summary>ES selector.</summary>
    EsSelector,

    /// <summary>ES attributes.</summary>
    EsAttributes,

    /// <summary>ES limit.</summary>
    EsLimit,

    /// <summary>ES base.</summary>
    EsBase,

    /// <summary>CS selector.</summary>
    CsSelector,

    /// <summary>CS attributes.</summary>
    CsAttributes,

    /// <summary>CS limit.</summary>
    CsLimit,

    /// <summary>CS base.</summary>
    CsBase,

    /// <summary>SS selector.</summary>
    SsSelector,

    /// <summary>SS attributes.</summary>
    SsAttributes,

    /// <summary>SS limit.</summary>
    SsLimit,

    /// <summary>SS base.</summary>
    SsBase,

    /// <summary>DS selector.</summary>
    DsSelector,

    /// <summary>DS attributes.</summary>
    DsAttributes,

    /// <summary>DS limit.</summary>
    DsLimit,

    /// <summary>DS base.</summary>
    DsBase,

    /// <summary>FS selector.</summary>
    FsSelector,

    /// <summary>FS attributes.</summary>
    FsAttributes,

    /// <summary>FS limit.</summary>
    FsLimit,

    /// <summary>FS base.</summary>
    FsBase,

    /// <summary>GS selector.</summary>
    GsSelector,

    /// <summary>GS attributes.</summary>
    GsAttributes,

    /// <summary>GS limit.</summary>
    GsLimit,

    /// <summary>GS base.</summary>
    GsBase,

    /// <summary>GDTR limit.</summary>
    GdtrLimit,

    /// <summary>GDTR base.</summary>
    GdtrBase,

    /// <summary>LDTR selector.</summary>
    LdtrSelector,

    /// <summary>LDTR attributes.</summary>
    LdtrAttributes,

    /// <summary>LDTR limit.</summary>
    LdtrLimit,

    /// <summary>LDTR base.</summary>
    LdtrBase,

    /// <summary>IDTR limit.</summary>
    IdtrLimit,

    /// <summary>IDTR base.</summary>
    IdtrBase,

    /// <summary>TR selector.</summary>
    TrSelector,

    /// <summary>TR attributes.</summary>
    TrAttributes,

    /// <summary>TR limit.</summary>
    TrLimit,

    /// <summary>TR base.</summary>
    TrBase,

    /// <summary>CPL.</summary>
    Cpl,

    /// <summary>EFER.</summary>
    Efer,

    /// <summary>CR4.</summary>
    Cr4,

    /// <summary>CR3.</summary>
    Cr3,

    /// <summary>CR0.</summary>
    Cr0,

    /// <summary>DR7.</summary>
    Dr7,

    /// <summary>DR6.</summary>
    Dr6,

    /// <summary>RFLAGS.</summary>
    Rflags,

    /// <summary>RIP.</summary>
    Rip,

    /// <summary>RSP.</summary>
    Rsp,

    /// <summary>RAX.</summary>
    Rax,

    /// <summary>STAR.</summary>
    Star,

    /// <summary>LSTAR.</summary>
    Lstar,

    /// <summary>CSTAR.</summary>
    Cstar,

    /// <summary>SFMASK.</summary>
    Sfmask,

    /// <summary>KernelGsBase.</summary>
    KernelGsBase,

    /// <summary>SYSENTER_CS.</summary>
    SysenterCs,

    /// <summary>SYSENTER_ESP.</summary>
    SysenterEsp,

    /// <summary>SYSENTER_EIP.</summary>
    SysenterEip,

    /// <summary>CR2.</summary>
    Cr2,

    /// <summary>G_PAT.</summary>
    GuestPat,

    /// <summary>DBGCTL.</summary>
    DebugCtl,
}
