namespace Vitrine.X86.VmEntry;

/// <summary>
/// The fields of a VMCS that VM entry looks at. The value is a position in <see cref="VmcsFields.All"/>, which has the encoding and the manual's name.
/// </summary>
public enum VmcsField
{
    /// <summary>Virtual-processor identifier (VPID).</summary>
    Vpid,

    /// <summary>Posted-interrupt notification vector.</summary>
    PostedInterruptVector,

    /// <summary>Guest ES selector.</summary>
    GuestEsSelector,

    /// <summary>Guest CS selector.</summary>
    GuestCsSelector,

    /// <summary>Guest SS selector.</summary>
    GuestSsSelector,

    /// <summary>Guest DS selector.</summary>
    GuestDsSelector,

    /// <summary>Guest FS selector.</summary>
    GuestFsSelector,

    /// <summary>Guest GS selector.</summary>
    GuestGsSelector,

    /// <summary>Guest LDTR selector.</summary>
    GuestLdtrSelector,

    /// <summary>Guest TR selector.</summary>
    GuestTrSelector,

    /// <summary>Host ES selector.</summary>
    HostEsSelector,

    /// <summary>Host CS selector.</summary>
    HostCsSelector,

    /// <summary>Host SS selector.</summary>
    HostSsSelector,

    /// <summary>Host DS selector.</summary>
    HostDsSelector,

    /// <summary>Host FS selector.</summary>
    HostFsSelector,

    /// <summary>Host GS selector.</summary>
    HostGsSelector,

    /// <summary>Host TR selector.</summary>
    HostTrSelector,

    /// <summary>Address of I/O bitmap A.</summary>
    IoBitmapA,

    /// <summary>Address of I/O bitmap B.</summary>
    IoBitmapB,

    /// <summary>Address of MSR bitmaps.</summary>
    MsrBitmaps,

    /// <summary>TSC offset.</summary>
    TscOffset,

    /// <summary>Virtual-APIC address.</summary>
    VirtualApicAddress,

    /// <summary>APIC-access address.</summary>
    ApicAccessAddress,

    /// <summary>Posted-interrupt descriptor address.</summary>
    PostedInterruptDescriptor,

    /// <summary>EPT pointer (EPTP).</summary>
    EptPointer,

    /// <summary>Tertiary processor-based VM-execution controls.</summary>
    TertiaryControls,

    /// <summary>VMCS link pointer.</summary>
    GuestLinkPointer,

    /// <summary>Guest IA32_DEBUGCTL.</summary>
    GuestDebugCtl,

    /// <summary>Guest IA32_PAT.</summary>
    GuestPat,

    /// <summary>Guest IA32_EFER.</summary>
    GuestEfer,

    /// <summary>Guest PDPTE0.</summary>
    GuestPdpte0,

    /// <summary>Guest PDPTE1.</summary>
    GuestPdpte1,

    /// <summary>Guest PDPTE2.</summary>
    GuestPdpte2,

    /// <summary>Guest PDPTE3.</summary>
    GuestPdpte3,

    /// <summary>Host IA32_PAT.</summary>
    HostPat,

    /// <summary>Host IA32_EFER.</summary>
    HostEfer,

    /// <summary>Pin-based VM-execution controls.</summary>
    PinControls,

    /// <summary>Primary processor-based VM-execution controls.</summary>
    PrimaryControls,

    /// <summary>Exception bitmap.</summary>
    ExceptionBitmap,

    /// <summary>Page-fault error-code mask.</summary>
    PageFaultMask,

    /// <summary>Page-fault error-code match.</summary>
    PageFaultMatch,

    /// <summary>CR3-target count.</summary>
    Cr3TargetCount,

    /// <summary>VM-exit controls.</summary>
    ExitControls,

    /// <summary>VM-entry controls.</summary>
    EntryControls,

    /// <summary>VM-entry interruption-information field.</summary>
    EntryEvent,

    /// <summary>VM-entry exception error code.</summary>
    EntryErrorCode,

    /// <summary>VM-entry instruction length.</summary>
    EntryInstructionLength,

    /// <summary>TPR threshold.</summary>
    TprThreshold,

    /// <summary>Secondary processor-based VM-execution controls.</summary>
    SecondaryControls,

    /// <summary>Guest ES limit.</summary>
    GuestEsLimit,

    /// <summary>Guest CS limit.</summary>
    GuestCsLimit,

    /// <summary>Guest SS limit.</summary>
    GuestSsLimit,

    /// <summary>Guest DS limit.</summary>
    GuestDsLimit,

    /// <summary>Guest FS limit.</summary>
    GuestFsLimit,

    /// <summary>Guest GS limit.</summary>
    GuestGsLimit,

    /// <summary>Guest LDTR limit.</summary>
    GuestLdtrLimit,

    /// <summary>Guest TR limit.</summary>
    GuestTrLimit,

    /// <summary>Guest GDTR limit.</summary>
    GuestGdtrLimit,

    /// <summary>Guest IDTR limit.</summary>
    GuestIdtrLimit,

    /// <summary>Guest ES access rights.</summary>
    GuestEsAccess,

    /// <summary>Guest CS access rights.</summary>
    GuestCsAccess,

    /// <summary>Guest SS access rights.</summary>
    GuestSsAccess,

    /// <summary>Guest DS access rights.</summary>
    GuestDsAccess,

    /// <summary>Guest FS access rights.</summary>
    GuestFsAccess,

    /// <summary>Guest GS access rights.</summary>
    GuestGsAccess,

    /// <summary>Guest LDTR access rights.</summary>
    GuestLdtrAccess,

    /// <summary>Guest TR access rights.</summary>
    GuestTrAccess,

    /// <summary>Guest interruptibility state.</summary>
    GuestInterruptibility,

    /// <summary>Guest activity state.</summary>
    GuestActivity,

    /// <summary>Guest IA32_SYSENTER_CS.</summary>
    GuestSysenterCs,

    /// <summary>Host IA32_SYSENTER_CS.</summary>
    HostSysenterCs,

    /// <summary>CR0 guest/host mask.</summary>
    Cr0Mask,

    /// <summary>CR4 guest/host mask.</summary>
    Cr4Mask,

    /// <summary>CR0 read shadow.</summary>
    Cr0Shadow,

    /// <summary>CR4 read shadow.</summary>
    Cr4Shadow,

    /// <summary>Guest CR0.</summary>
    GuestCr0,

    /// <summary>Guest CR3.</summary>
    GuestCr3,

    /// <summary>Guest CR4.</summary>
    GuestCr4,

    /// <summary>Guest ES base.</summary>
    GuestEsBase,

    /// <summary>Guest CS base.</summary>
    GuestCsBase,

    /// <summary>Guest SS base.</summary>
    GuestSsBase,

    /// <summary>Guest DS base.</summary>
    GuestDsBase,

    /// <summary>Guest FS base.</summary>
    GuestFsBase,

    /// <summary>Guest GS base.</summary>
    GuestGsBase,

    /// <summary>Guest LDTR base.</summary>
    GuestLdtrBase,

    /// <summary>Guest TR base.</summary>
    GuestTrBase,

    /// <summary>Guest GDTR base.</summary>
    GuestGdtrBase,

    /// <summary>Guest IDTR base.</summary>
    GuestIdtrBase,

    /// <summary>Guest DR7.</summary>
    GuestDr7,

    /// <summary>Guest RSP.</summary>
    GuestRsp,

    /// <summary>Guest RIP.</summary>
    GuestRip,

    /// <summary>Guest RFLAGS.</summary>
    GuestRflags,

    /// <summary>Guest pending debug exceptions.</summary>
    GuestPendingDebug,

    /// <summary>Guest IA32_SYSENTER_ESP.</summary>
    GuestSysenterEsp,

    /// <summary>Guest IA32_SYSENTER_EIP.</summary>
    GuestSysenterEip,

    /// <summary>Host CR0.</summary>
    HostCr0,

    /// <summary>Host CR3.</summary>
    HostCr3,

    /// <summary>Host CR4.</summary>
    HostCr4,

    /// <summary>Host FS base.</summary>
    HostFsBase,

    /// <summary>Host GS base.</summary>
    HostGsBase,

    /// <summary>Host TR base.</summary>
    HostTrBase,

    /// <summary>Host GDTR base.</summary>
    HostGdtrBase,

    /// <summary>Host IDTR base.</summary>
    HostIdtrBase,

    /// <summary>Host IA32_SYSENTER_ESP.</summary>
    HostSysenterEsp,

    /// <summary>Host IA32_SYSENTER_EIP.</summary>
    HostSysenterEip,

    /// <summary>Host RSP.</summary>
    HostRsp,

    /// <summary>Host RIP.</summary>
    HostRip,
}
