using Vitrine.X86.State;

namespace Vitrine.Accelerators.Parts;

/// <summary>Parts of a <see cref="ProcessorState"/>, as KVM's calls divide it.</summary>
[Flags]
public enum StateParts
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>General registers, RIP and RFLAGS (KVM_GET_REGS).</summary>
    General = 1,

    /// <summary>Segments, descriptor tables, CR0, CR2, CR3, CR4, CR8, EFER, IA32_APIC_BASE and the PAE page-directory pointers (KVM_GET_SREGS2).</summary>
    Special = 2,

    /// <summary>x87, SSE and AVX registers with their control and status (KVM_GET_XSAVE).</summary>
    Fpu = 4,

    /// <summary>XCR0 (KVM_GET_XCRS).</summary>
    ExtendedControl = 8,

    /// <summary>PKRU (KVM_GET_XSAVE).</summary>
    Pkru = 16,

    /// <summary>DR0 to DR3, DR6 and DR7 (KVM_GET_DEBUGREGS).</summary>
    Debug = 32,

    /// <summary>Events in flight (KVM_GET_VCPU_EVENTS).</summary>
    Events = 64,

    /// <summary>The local APIC's register page (KVM_GET_LAPIC).</summary>
    LocalApic = 128,

    /// <summary>Whether it runs, and what it waits for (KVM_GET_MP_STATE).</summary>
    Activity = 256,
}
