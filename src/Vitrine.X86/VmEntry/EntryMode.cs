namespace Vitrine.X86.VmEntry;

/// <summary>How a hypervisor runs guests on the host's processor: what it may leave to hardware and what it must arrange itself.</summary>
public enum EntryMode
{
    /// <summary>Intel, extended page tables and unrestricted guest: real mode and paging off run as they are.</summary>
    EptUnrestricted,

    /// <summary>
    /// Intel, extended page tables without unrestricted guest: real mode runs as virtual-8086 mode, paging is always on, and a guest that has it
    /// off gets an identity map.
    /// </summary>
    Ept,

    /// <summary>Intel, shadow paging: CR3 holds the root of tables that the hypervisor builds; real mode runs as virtual-8086 mode.</summary>
    VmxShadow,

    /// <summary>AMD, nested paging: every mode runs as it is.</summary>
    NestedPaging,

    /// <summary>AMD, shadow paging: CR3 holds the root of tables that the hypervisor builds; real mode still runs as it is, with paging on.</summary>
    SvmShadow,
}
