using System.Collections.Immutable;

namespace Vitrine.X86.VmEntry;

/// <summary>The VMX controls that KVM chooses for a mode, with the reason for each.</summary>
public static class VmxControlChoices
{
    private const string Cr3Off = "With EPT the guest's CR3 is its own business: no exit.";
    private const string Cr3Emulated = "The CR3 in use isn't the guest's, so that KVM must answer for it.";

    private static readonly (VmcsField Field, int Bit, string Name, string WhenOn, string WhenOff)[] s_choices =
    [
        (VmcsField.PinControls, VmxControl.ExternalInterruptExiting, "external-interrupt exiting", "Interrupts are the host's; the guest's are injected.", ""),
        (VmcsField.PinControls, VmxControl.NmiExiting, "NMI exiting", "NMIs are the host's.", ""),
        (VmcsField.PinControls, VmxControl.VirtualNmis, "virtual NMIs", "The processor keeps track of whether the guest blocks NMIs.", ""),
        (VmcsField.PrimaryControls, VmxControl.HltExiting, "HLT exiting", "A guest that halts gives the processor to others.", ""),
        (VmcsField.PrimaryControls, VmxControl.InvlpgExiting, "INVLPG exiting",
            "The shadow tables must be synchronised where the guest flushes.", "With EPT the guest's TLB flushes concern its own tables only: no exit."),
        (VmcsField.PrimaryControls, VmxControl.Cr3LoadExiting, "CR3-load exiting", Cr3Emulated, Cr3Off),
        (VmcsField.PrimaryControls, VmxControl.Cr3StoreExiting, "CR3-store exiting", Cr3Emulated, Cr3Off),
        (VmcsField.PrimaryControls, VmxControl.TprShadow, "use TPR shadow", "CR8 and the task priority need no exit.", ""),
        (VmcsField.PrimaryControls, VmxControl.UnconditionalIoExiting, "unconditional I/O exiting", "Every port is a device of the VMM's.", ""),
        (VmcsField.PrimaryControls, VmxControl.MsrBitmaps, "use MSR bitmaps", "The MSRs that the VMCS switches need no exit.", ""),
        (VmcsField.PrimaryControls, VmxControl.ActivateSecondary, "activate secondary controls", "EPT, VPID and unrestricted guest are secondary controls.", ""),
        (VmcsField.SecondaryControls, VmxControl.Ept, "enable EPT",
            "Guest-physical addresses are translated by a second table.", "KVM translates for the guest with shadow tables."),
        (VmcsField.SecondaryControls, VmxControl.Vpid, "enable VPID", "TLB entries are tagged, so that entries and exits don't flush.", ""),
        (VmcsField.SecondaryControls, VmxControl.UnrestrictedGuest, "unrestricted guest",
            "The guest runs real mode, and protected mode without paging, as they are.",
            "The processor can't, or EPT is off: real mode runs as virtual-8086 mode, or is emulated."),
        (VmcsField.ExitControls, VmxControl.HostAddressSpaceSize, "host address-space size", "The host's kernel is 64-bit.", ""),
        (VmcsField.ExitControls, VmxControl.AcknowledgeInterrupt, "acknowledge interrupt on exit", "KVM gets the vector with the exit and calls the host's handler.", ""),
        (VmcsField.EntryControls, VmxControl.Ia32eMode, "IA-32e mode guest", "EFER.LMA is set.", "EFER.LMA is clear."),
        (VmcsField.EntryControls, VmxControl.LoadEfer, "load IA32_EFER", "The guest's EFER differs from the host's.", ""),
    ];

    /// <summary>Names the choices in a VMCS.</summary>
    public static ImmutableArray<EntryControl> For(Vmcs vmcs)
    {
        ArgumentNullException.ThrowIfNull(vmcs);
        ImmutableArray<EntryControl>.Builder controls = ImmutableArray.CreateBuilder<EntryControl>(s_choices.Length);
        foreach ((VmcsField field, int bit, string name, string whenOn, string whenOff) in s_choices)
        {
            if (!vmcs.TryGet(field, out ulong value)) continue;
            bool on = ((value >> bit) & 1) != 0;
            string why = on ? whenOn : whenOff;
            controls.Add(new EntryControl(field.Describe(), bit, name, on, why.Length > 0 ? why : "Not used here."));
        }

        return controls.ToImmutable();
    }
}
