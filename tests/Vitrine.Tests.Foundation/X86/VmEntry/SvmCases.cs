using Vitrine.X86.VmEntry;
using static Vitrine.X86.VmEntry.VmcbField;

namespace Vitrine.Tests.X86.VmEntry;

/// <summary>For each SVM rule a valid VMCB and the one change that violates that rule and no other.</summary>
internal static class SvmCases
{
    public static Dictionary<string, (Func<Vmcb> Valid, Action<Vmcb> Violate)> All { get; } = new()
    {
        ["guest.efer.svme"] = (Long, Change(Efer, value => value & ~0x1000UL)),
        ["guest.cr0.cache"] = (Long, Change(Cr0, value => value | 0x2000_0000)),
        ["guest.cr0.reserved"] = (Long, Change(Cr0, value => value | 1UL << 32)),
        ["guest.cr3"] = (Long, Change(Cr3, value => value | 1UL << 63)),
        ["guest.cr4.reserved"] = (Long, Change(Cr4, value => value | 1UL << 15)),
        ["guest.dr6"] = (Long, Change(Dr6, _ => 0xFFFF_FFFF_FFFF_0FF0)),
        ["guest.dr7"] = (Long, Change(Dr7, _ => 1UL << 63)),
        ["guest.efer.reserved"] = (Long, Change(Efer, value => value | 2)),
        ["guest.long-mode.pae"] = (Long, Change(Cr4, value => value & ~0x20UL)),
        ["guest.long-mode.protection"] = (Long, Change(Cr0, value => value & ~1UL)),
        ["guest.long-mode.code"] = (Long, Change(CsAttributes, value => value | 0x400)),
        ["control.vmrun-intercept"] = (Long, Change(Intercept2, value => value & ~1UL)),
        ["control.iopm-base"] = (Long, Change(IopmBase, value => value | 1UL << 52)),
        ["control.msrpm-base"] = (Long, Change(MsrpmBase, value => value | 1UL << 52)),
        ["control.event"] = (Long, Change(EventInjection, _ => 0x8000_0302)),
        ["control.asid"] = (Long, Change(GuestAsid, _ => 0)),
        ["control.nested-cr3"] = (Long, Change(NestedCr3, value => value | 1UL << 52)),
        ["guest.pat"] = (Long, Change(GuestPat, _ => 2)),
    };

    private static Vmcb Long() => EntryAreas.Vmcb(EntryStates.Long(), EntryMode.NestedPaging);

    private static Action<Vmcb> Change(VmcbField field, Func<ulong, ulong> change) => vmcb =>
    {
        Assert(vmcb.TryGet(field, out ulong value));
        vmcb.Set(field, change(value));
    };

    private static void Assert(bool known)
    {
        if (!known) throw new InvalidOperationException("the valid VMCB lacks the field");
    }
}
