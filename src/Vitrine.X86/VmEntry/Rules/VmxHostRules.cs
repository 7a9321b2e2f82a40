using Vitrine.X86.Registers;
using static Vitrine.X86.VmEntry.VmcsField;

namespace Vitrine.X86.VmEntry.Rules;

/// <summary>Checks on the host state (SDM vol. 3, 26.2.2 to 26.2.4).</summary>
internal static class VmxHostRules
{
    private const ulong FixedCr0 = Cr0.PE | Cr0.NE | Cr0.PG;
    private const string Hypervisor = "The hypervisor saved its own state wrongly: a defect of the hypervisor or of the host's kernel.";

    /// <summary>The rules, in the manual's order.</summary>
    public static IEnumerable<VmxRule> All =>
    [
        Rule("host.cr0", "26.2.2", [HostCr0], "Host CR0 has PE, NE and PG.", v => (v[HostCr0] & FixedCr0) == FixedCr0 && v[HostCr0] <= uint.MaxValue),
        Rule("host.cr4", "26.2.2", [HostCr4], "Host CR4 has VMXE.", v => (v[HostCr4] & Cr4.VMXE) != 0),
        Rule("host.cr3", "26.2.2", [HostCr3], "Host CR3 has no bit beyond the physical-address width.", v => (v[HostCr3] & v.BeyondPhysical) == 0),
        Canonical("host.sysenter-esp", "26.2.2", HostSysenterEsp),
        Canonical("host.sysenter-eip", "26.2.2", HostSysenterEip),
        new VmxRule(EntryRefusal.VmxHost, "host.pat", "26.2.2", [HostPat, ExitControls],
            "Each byte of the host's IA32_PAT is 0, 1, 4, 5, 6 or 7.", Hypervisor, v => PatValue.IsValid(v[HostPat]), v => v.Has(ExitControls, VmxControl.LoadHostPat)),
        new VmxRule(EntryRefusal.VmxHost, "host.efer", "26.2.2", [HostEfer, ExitControls],
            "The host's IA32_EFER has no reserved bit; LMA and LME are the host address-space size.", Hypervisor,
            v => (v[HostEfer] & ~Efer.Defined) == 0 &&
                ((v[HostEfer] & Efer.LMA) != 0) == v.Has(ExitControls, VmxControl.HostAddressSpaceSize) &&
                ((v[HostEfer] & Efer.LME) != 0) == v.Has(ExitControls, VmxControl.HostAddressSpaceSize),
            v => v.Has(ExitControls, VmxControl.LoadHostEfer)),
        Selector("host.es.selector", HostEsSelector), Selector("host.cs.selector", HostCsSelector), Selector("host.ss.selector", HostSsSelector),
        Selector("host.ds.selector", HostDsSelector), Selector("host.fs.selector", HostFsSelector), Selector("host.gs.selector", HostGsSelector),
        Selector("host.tr.selector", HostTrSelector),
        Rule("host.cs.null", "26.2.3", [HostCsSelector], "The host's CS isn't null.", v => v[HostCsSelector] != 0),
        Rule("host.tr.null", "26.2.3", [HostTrSelector], "The host's TR isn't null.", v => v[HostTrSelector] != 0),
        new VmxRule(EntryRefusal.VmxHost, "host.ss.null", "26.2.3", [HostSsSelector, ExitControls],
            "The SS of a 32-bit host isn't null.", Hypervisor, v => v[HostSsSelector] != 0, v => !v.Has(ExitControls, VmxControl.HostAddressSpaceSize)),
        Canonical("host.fs.base", "26.2.3", HostFsBase), Canonical("host.gs.base", "26.2.3", HostGsBase), Canonical("host.gdtr.base", "26.2.3", HostGdtrBase),
        Canonical("host.idtr.base", "26.2.3", HostIdtrBase), Canonical("host.tr.base", "26.2.3", HostTrBase),
        Rule("host.address-space", "26.2.4", [ExitControls, EntryControls],
            "A guest in IA-32e mode needs a 64-bit host.", v => v.Has(ExitControls, VmxControl.HostAddressSpaceSize) || !v.Ia32e),
        new VmxRule(EntryRefusal.VmxHost, "host.address-space.pae", "26.2.4", [HostCr4, ExitControls],
            "A 64-bit host has CR4.PAE.", Hypervisor, v => (v[HostCr4] & Cr4.PAE) != 0, v => v.Has(ExitControls, VmxControl.HostAddressSpaceSize)),
        new VmxRule(EntryRefusal.VmxHost, "host.rip", "26.2.4", [HostRip, HostCr4, ExitControls],
            "The RIP of a 64-bit host is canonical, that of a 32-bit host has 32 bits.", Hypervisor,
            v => v.Has(ExitControls, VmxControl.HostAddressSpaceSize) ? v.HostCanonical(v[HostRip]) : v[HostRip] <= uint.MaxValue),
    ];

    private static VmxRule Canonical(string id, string section, VmcsField field) =>
        Rule(id, section, [field, HostCr4], $"{field.Describe().Name} is canonical.", v => v.HostCanonical(v[field]));

    private static VmxRule Selector(string id, VmcsField field) =>
        Rule(id, "26.2.3", [field], $"RPL and TI of {field.Describe().Name} are zero.", v => (v[field] & 7) == 0);

    private static VmxRule Rule(string id, string section, ReadOnlySpan<VmcsField> fields, string text, Func<VmxView, bool> holds) =>
        new(EntryRefusal.VmxHost, id, section, fields, text, Hypervisor, holds);
}
