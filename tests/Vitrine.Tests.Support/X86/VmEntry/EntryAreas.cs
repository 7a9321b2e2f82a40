using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Vitrine.X86.VmEntry;
using static Vitrine.X86.VmEntry.VmcsField;

namespace Vitrine.Tests.X86.VmEntry;

/// <summary>
/// Complete control structures that pass every check: a guest's state in one of KVM's modes, with the host's part as a Linux kernel has it
/// (selectors 10h, 18h, 40h; the addresses are made up).
/// </summary>
internal static class EntryAreas
{
    public const uint ExternalInterrupt = 0x8000_0020;
    public const uint Nmi = 0x8000_0202;
    public const uint GeneralProtection = 0x8000_0B0D;
    public const uint SoftwareInterrupt = 0x8000_0480;

    public static Vmcs Vmcs(ProcessorState state, EntryMode mode, Action<Vmcs>? variation = null)
    {
        Vmcs vmcs = VmcsBuilder.Build(state, mode);
        vmcs.Set(Vpid, 1);
        vmcs.Set(MsrBitmaps, 0x1_0000_2000);
        vmcs.Set(VirtualApicAddress, 0x1_0000_3000);
        vmcs.Set(TscOffset, 0xFFFF_F9BE_78C9_DD49);
        if (mode != EntryMode.VmxShadow) vmcs.Set(EptPointer, 0x1_1FFF_C05E);
        else vmcs.Set(GuestCr3, 0x1_2000_0000);
        foreach (VmcsField field in (ReadOnlySpan<VmcsField>)[HostEsSelector, HostDsSelector, HostFsSelector, HostGsSelector]) vmcs.Set(field, 0);
        vmcs.Set(HostCsSelector, 0x10);
        vmcs.Set(HostSsSelector, 0x18);
        vmcs.Set(HostTrSelector, 0x40);
        vmcs.Set(HostPat, 0x0407_0506_0007_0106);
        vmcs.Set(HostEfer, 0xD01);
        vmcs.Set(HostSysenterCs, 0x10);
        vmcs.Set(HostCr0, 0x8005_0033);
        vmcs.Set(HostCr3, 0x1_CF27_F000);
        vmcs.Set(HostCr4, 0x1426F0);
        vmcs.Set(HostFsBase, 0x7F51_DB98_0700);
        vmcs.Set(HostGsBase, 0xFFFF_8801_DB20_0000);
        vmcs.Set(HostTrBase, 0xFFFF_8801_DB22_3100);
        vmcs.Set(HostGdtrBase, 0xFFFF_FFFF_FF57_7000);
        vmcs.Set(HostIdtrBase, 0xFFFF_FFFF_FF57_B000);
        vmcs.Set(HostSysenterEsp, 0xFFFF_FE59_26D8_8000);
        vmcs.Set(HostSysenterEip, 0xFFFF_FFFF_84D9_D0A0);
        vmcs.Set(HostRsp, 0xFFFF_8801_C8A0_74C8);
        vmcs.Set(HostRip, 0xFFFF_FFFF_811B_6277);
        variation?.Invoke(vmcs);
        return vmcs;
    }

    public static Vmcb Vmcb(ProcessorState state, EntryMode mode, Action<Vmcb>? variation = null)
    {
        Vmcb vmcb = VmcbBuilder.Build(state, mode);
        vmcb.Set(VmcbField.IopmBase, 0x1_0000_0000);
        vmcb.Set(VmcbField.MsrpmBase, 0x1_0000_4000);
        vmcb.Set(VmcbField.TscOffset, 0);
        vmcb.Set(VmcbField.GuestAsid, 1);
        vmcb.Set(VmcbField.TlbControl, 1);
        if (mode == EntryMode.NestedPaging) vmcb.Set(VmcbField.NestedCr3, 0x1_2000_0000);
        else vmcb.Set(VmcbField.Cr3, 0x1_2000_0000);
        variation?.Invoke(vmcb);
        return vmcb;
    }

    // 64-bit guest, EPT with unrestricted guest.
    public static Vmcs Long() => Vmcs(EntryStates.Long(), EntryMode.EptUnrestricted);

    // The same without unrestricted guest.
    public static Vmcs Restricted() => Vmcs(EntryStates.Long(), EntryMode.Ept);

    public static Vmcs Real() => Vmcs(EntryStates.Real(), EntryMode.EptUnrestricted);

    public static Vmcs Protected() => Vmcs(EntryStates.Protected(), EntryMode.EptUnrestricted);

    public static Vmcs Pae() => Vmcs(EntryStates.Pae(), EntryMode.EptUnrestricted);

    public static Vmcs Virtual8086() => Vmcs(EntryStates.Virtual8086(), EntryMode.Ept);

    public static Vmcs Shadow() => Vmcs(EntryStates.Long(), EntryMode.VmxShadow);

    public static Vmcs InterruptsEnabled(uint injected = 0, ulong interruptibility = 0) => Vmcs(EntryStates.Long(), EntryMode.EptUnrestricted, vmcs =>
    {
        vmcs.Set(GuestRflags, Rflags.Fixed | Rflags.IF);
        vmcs.Set(EntryEvent, injected);
        vmcs.Set(EntryInstructionLength, injected == SoftwareInterrupt ? 2u : 0);
        vmcs.Set(GuestInterruptibility, interruptibility);
    });

    public static Vmcs WithLdt() => Vmcs(EntryStates.Long(), EntryMode.EptUnrestricted, vmcs =>
    {
        vmcs.Set(GuestLdtrSelector, 0x50);
        vmcs.Set(GuestLdtrBase, 0x7000);
        vmcs.Set(GuestLdtrLimit, 0xFFFF);
        vmcs.Set(GuestLdtrAccess, 0x82);
    });

    // Everything of the APIC virtualized, I/O bitmaps, preemption timer, page-modification log.
    public static Vmcs Loaded() => Vmcs(EntryStates.Long(), EntryMode.EptUnrestricted, vmcs =>
    {
        vmcs.Set(PinControls, 0xFF);
        vmcs.Set(PrimaryControls, Get(vmcs, PrimaryControls) | (1 << VmxControl.IoBitmaps));
        vmcs.Set(SecondaryControls, Get(vmcs, SecondaryControls) | 0x0042_0301); // APIC accesses, registers, delivery; log; mode-based execute
        vmcs.Set(ExitControls, Get(vmcs, ExitControls) | (1 << VmxControl.SavePreemptionTimer));
        vmcs.Set(IoBitmapA, 0x1_0000_4000);
        vmcs.Set(IoBitmapB, 0x1_0000_5000);
        vmcs.Set(ApicAccessAddress, 0x1_0000_6000);
        vmcs.Set(PostedInterruptVector, 0xF2);
        vmcs.Set(PostedInterruptDescriptor, 0x1_0000_7040);
    });

    // A 32-bit host and guest.
    public static Vmcs Host32() => Vmcs(EntryStates.Protected(), EntryMode.EptUnrestricted, vmcs =>
    {
        vmcs.Set(ExitControls, Get(vmcs, ExitControls) & ~(1UL << VmxControl.HostAddressSpaceSize));
        vmcs.Set(HostEfer, 0);
        vmcs.Set(HostRip, 0xC100_0000);
    });

    // A 64-bit host that doesn't load EFER and whose exit handler lies below 4 GiB.
    public static Vmcs LowHost() => Vmcs(EntryStates.Long(), EntryMode.EptUnrestricted, vmcs =>
    {
        vmcs.Set(ExitControls, Get(vmcs, ExitControls) & ~(1UL << VmxControl.LoadHostEfer));
        vmcs.Set(HostRip, 0x8100_0000);
    });

    public static ulong Get(Vmcs vmcs, VmcsField field) =>
        vmcs.TryGet(field, out ulong value) ? value : throw new InvalidOperationException($"{field} has no value");
}
