namespace Vitrine.X86.VmEntry;

/// <summary>Bit numbers of VMX controls (SDM vol. 3, 24.6 to 24.8), and the bits that must be one on every processor.</summary>
public static class VmxControl
{
    /// <summary>Pin-based: external interrupts exit.</summary>
    public const int ExternalInterruptExiting = 0;

    /// <summary>Pin-based: NMIs exit.</summary>
    public const int NmiExiting = 3;

    /// <summary>Pin-based: virtual NMIs.</summary>
    public const int VirtualNmis = 5;

    /// <summary>Pin-based: the VMX-preemption timer runs.</summary>
    public const int PreemptionTimer = 6;

    /// <summary>Pin-based: posted interrupts.</summary>
    public const int PostedInterrupts = 7;

    /// <summary>Primary: TSC offsetting.</summary>
    public const int TscOffsetting = 3;

    /// <summary>Primary: HLT exits.</summary>
    public const int HltExiting = 7;

    /// <summary>Primary: INVLPG exits.</summary>
    public const int InvlpgExiting = 9;

    /// <summary>Primary: MWAIT exits.</summary>
    public const int MwaitExiting = 10;

    /// <summary>Primary: RDPMC exits.</summary>
    public const int RdpmcExiting = 11;

    /// <summary>Primary: MOV to CR3 exits.</summary>
    public const int Cr3LoadExiting = 15;

    /// <summary>Primary: MOV from CR3 exits.</summary>
    public const int Cr3StoreExiting = 16;

    /// <summary>Primary: the TPR is read and written in the virtual-APIC page.</summary>
    public const int TprShadow = 21;

    /// <summary>Primary: exit when NMIs are no longer blocked.</summary>
    public const int NmiWindowExiting = 22;

    /// <summary>Primary: MOV DR exits.</summary>
    public const int MovDrExiting = 23;

    /// <summary>Primary: every port access exits.</summary>
    public const int UnconditionalIoExiting = 24;

    /// <summary>Primary: port accesses exit by bitmap.</summary>
    public const int IoBitmaps = 25;

    /// <summary>Primary: monitor trap flag.</summary>
    public const int MonitorTrapFlag = 27;

    /// <summary>Primary: RDMSR and WRMSR exit by bitmap.</summary>
    public const int MsrBitmaps = 28;

    /// <summary>Primary: MONITOR exits.</summary>
    public const int MonitorExiting = 29;

    /// <summary>Primary: the secondary controls count.</summary>
    public const int ActivateSecondary = 31;

    /// <summary>Secondary: virtualize APIC accesses.</summary>
    public const int VirtualizeApicAccesses = 0;

    /// <summary>Secondary: extended page tables.</summary>
    public const int Ept = 1;

    /// <summary>Secondary: virtualize x2APIC mode.</summary>
    public const int VirtualizeX2Apic = 4;

    /// <summary>Secondary: TLB entries are tagged with the VPID.</summary>
    public const int Vpid = 5;

    /// <summary>Secondary: the guest may run with CR0.PE or CR0.PG clear.</summary>
    public const int UnrestrictedGuest = 7;

    /// <summary>Secondary: APIC-register virtualization.</summary>
    public const int ApicRegisterVirtualization = 8;

    /// <summary>Secondary: virtual-interrupt delivery.</summary>
    public const int VirtualInterruptDelivery = 9;

    /// <summary>Secondary: page-modification logging.</summary>
    public const int PageModificationLogging = 17;

    /// <summary>Secondary: execute permission for user and supervisor apart.</summary>
    public const int ModeBasedExecute = 22;

    /// <summary>Exit: debug controls are saved; entry: they are loaded.</summary>
    public const int DebugControls = 2;

    /// <summary>Exit: the host is 64-bit.</summary>
    public const int HostAddressSpaceSize = 9;

    /// <summary>Exit: the processor takes the interrupt's vector.</summary>
    public const int AcknowledgeInterrupt = 15;

    /// <summary>Exit: the host's IA32_PAT is loaded.</summary>
    public const int LoadHostPat = 19;

    /// <summary>Exit: the host's IA32_EFER is loaded.</summary>
    public const int LoadHostEfer = 21;

    /// <summary>Exit: the preemption timer's value is saved.</summary>
    public const int SavePreemptionTimer = 22;

    /// <summary>Entry: the guest is in IA-32e mode.</summary>
    public const int Ia32eMode = 9;

    /// <summary>Entry: into system-management mode.</summary>
    public const int EntryToSmm = 10;

    /// <summary>Entry: deactivate the dual-monitor treatment.</summary>
    public const int DeactivateDualMonitor = 11;

    /// <summary>Entry: the guest's IA32_PAT is loaded.</summary>
    public const int LoadPat = 14;

    /// <summary>Entry: the guest's IA32_EFER is loaded.</summary>
    public const int LoadEfer = 15;

    /// <summary>Pin-based bits that must be one (SDM vol. 3, A.3.1).</summary>
    public const uint PinRequired = 0x0000_0016;

    /// <summary>Primary bits that must be one; CR3 exits may be off on every processor with EPT (A.3.2).</summary>
    public const uint PrimaryRequired = 0x0400_6172;

    /// <summary>Exit bits that must be one (A.4).</summary>
    public const uint ExitRequired = 0x0003_6DFB;

    /// <summary>Entry bits that must be one (A.5).</summary>
    public const uint EntryRequired = 0x0000_11FB;

    /// <summary>Pin-based bits that exist.</summary>
    public const uint PinAllowed = 0x0000_00FF;

    /// <summary>Primary bits that exist: all but 0 and 18.</summary>
    public const uint PrimaryAllowed = 0xFFFB_FFFE;

    /// <summary>Secondary bits that exist: all but 21.</summary>
    public const uint SecondaryAllowed = 0xFFDF_FFFF;

    /// <summary>Entry bits that exist.</summary>
    public const uint EntryAllowed = 0x00FF_FFFF;
}
