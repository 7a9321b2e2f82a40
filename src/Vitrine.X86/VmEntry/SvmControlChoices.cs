using System.Collections.Immutable;

namespace Vitrine.X86.VmEntry;

/// <summary>The SVM controls that KVM chooses for a mode, with the reason for each.</summary>
public static class SvmControlChoices
{
    private const string Cr3Off = "With nested paging the guest's CR3 is its own business: no exit.";
    private const string Cr3Emulated = "The CR3 in use is the shadow tables', so that KVM must answer for the guest's.";

    private static readonly (VmcbField Field, int Bit, string Name, string WhenOn, string WhenOff)[] s_choices =
    [
        (VmcbField.InterceptCr, SvmControl.ReadCr3, "intercept reads of CR3", Cr3Emulated, Cr3Off),
        (VmcbField.InterceptCr, SvmControl.WriteCr3, "intercept writes of CR3", Cr3Emulated, Cr3Off),
        (VmcbField.InterceptExceptions, SvmControl.PageFault, "intercept #PF",
            "A page fault may be a shadow entry that isn't there yet.", "With nested paging page faults are the guest's own."),
        (VmcbField.Intercept1, SvmControl.Intr, "intercept INTR", "Interrupts are the host's; the guest's are injected.", ""),
        (VmcbField.Intercept1, SvmControl.Hlt, "intercept HLT", "A guest that halts gives the processor to others.", ""),
        (VmcbField.Intercept1, SvmControl.Invlpg, "intercept INVLPG",
            "The shadow tables must be synchronised where the guest flushes.", "With nested paging the guest's TLB flushes concern its own tables only."),
        (VmcbField.Intercept1, SvmControl.Io, "intercept I/O", "Every port is a device of the VMM's.", ""),
        (VmcbField.Intercept1, SvmControl.Msr, "intercept MSR accesses", "By bitmap: the MSRs that the VMCB switches need no exit.", ""),
        (VmcbField.Intercept1, SvmControl.Shutdown, "intercept shutdown", "A guest's triple fault must not reset the host.", ""),
        (VmcbField.Intercept2, SvmControl.Vmrun, "intercept VMRUN", "The architecture demands it.", ""),
        (VmcbField.VirtualInterrupt, SvmControl.VirtualInterruptMasking, "V_INTR_MASKING", "The guest's RFLAGS.IF doesn't hold back the host's interrupts.", ""),
        (VmcbField.NestedControl, SvmControl.NestedPaging, "nested paging",
            "Guest-physical addresses are translated by a second table.", "KVM translates for the guest with shadow tables."),
    ];

    /// <summary>Names the choices in a VMCB.</summary>
    public static ImmutableArray<EntryControl> For(Vmcb vmcb)
    {
        ArgumentNullException.ThrowIfNull(vmcb);
        ImmutableArray<EntryControl>.Builder controls = ImmutableArray.CreateBuilder<EntryControl>(s_choices.Length);
        foreach ((VmcbField field, int bit, string name, string whenOn, string whenOff) in s_choices)
        {
            if (!vmcb.TryGet(field, out ulong value)) continue;
            bool on = ((value >> bit) & 1) != 0;
            string why = on ? whenOn : whenOff;
            controls.Add(new EntryControl(field.Describe(), bit, name, on, why.Length > 0 ? why : "Not used here."));
        }

        return controls.ToImmutable();
    }
}
