using Vitrine.X86.State;
using Vitrine.X86.VmEntry;
using Xunit;

namespace Vitrine.Tests.X86.VmEntry;

/// <summary>Field tables and builders against the manuals and against what Linux' KVM was seen to write.</summary>
public sealed class EntryFieldTests
{
    // SDM vol. 3, appendix B.
    [Theory]
    [InlineData(VmcsField.Vpid, 0x0000, 16)]
    [InlineData(VmcsField.GuestTrSelector, 0x080E, 16)]
    [InlineData(VmcsField.HostTrSelector, 0x0C0C, 16)]
    [InlineData(VmcsField.EptPointer, 0x201A, 64)]
    [InlineData(VmcsField.GuestLinkPointer, 0x2800, 64)]
    [InlineData(VmcsField.GuestEfer, 0x2806, 64)]
    [InlineData(VmcsField.GuestPdpte3, 0x2810, 64)]
    [InlineData(VmcsField.HostEfer, 0x2C02, 64)]
    [InlineData(VmcsField.PinControls, 0x4000, 32)]
    [InlineData(VmcsField.EntryControls, 0x4012, 32)]
    [InlineData(VmcsField.SecondaryControls, 0x401E, 32)]
    [InlineData(VmcsField.GuestGdtrLimit, 0x4810, 32)]
    [InlineData(VmcsField.GuestCsAccess, 0x4816, 32)]
    [InlineData(VmcsField.GuestTrAccess, 0x4822, 32)]
    [InlineData(VmcsField.GuestActivity, 0x4826, 32)]
    [InlineData(VmcsField.HostSysenterCs, 0x4C00, 32)]
    [InlineData(VmcsField.Cr4Shadow, 0x6006, 64)]
    [InlineData(VmcsField.GuestCr0, 0x6800, 64)]
    [InlineData(VmcsField.GuestTrBase, 0x6814, 64)]
    [InlineData(VmcsField.GuestRflags, 0x6820, 64)]
    [InlineData(VmcsField.GuestSysenterEip, 0x6826, 64)]
    [InlineData(VmcsField.HostRip, 0x6C16, 64)]
    public void VmcsFieldsHaveTheManualsEncoding(VmcsField field, int encoding, int bits)
    {
        Assert.Equal((uint)encoding, field.Describe().Number);
        Assert.Equal(bits, field.Describe().Bits);
    }

    // APM vol. 2, appendix B.
    [Theory]
    [InlineData(VmcbField.Intercept2, 0x010, 4)]
    [InlineData(VmcbField.GuestAsid, 0x058, 4)]
    [InlineData(VmcbField.NestedControl, 0x090, 8)]
    [InlineData(VmcbField.EventInjection, 0x0A8, 8)]
    [InlineData(VmcbField.NestedCr3, 0x0B0, 8)]
    [InlineData(VmcbField.EsSelector, 0x400, 2)]
    [InlineData(VmcbField.CsAttributes, 0x412, 2)]
    [InlineData(VmcbField.TrBase, 0x498, 8)]
    [InlineData(VmcbField.Cpl, 0x4CB, 1)]
    [InlineData(VmcbField.Efer, 0x4D0, 8)]
    [InlineData(VmcbField.Cr4, 0x548, 8)]
    [InlineData(VmcbField.Cr3, 0x550, 8)]
    [InlineData(VmcbField.Cr0, 0x558, 8)]
    [InlineData(VmcbField.Rip, 0x578, 8)]
    [InlineData(VmcbField.Rsp, 0x5D8, 8)]
    [InlineData(VmcbField.Rax, 0x5F8, 8)]
    [InlineData(VmcbField.Cr2, 0x640, 8)]
    [InlineData(VmcbField.GuestPat, 0x668, 8)]
    public void VmcbFieldsHaveTheManualsOffset(VmcbField field, int offset, int bytes)
    {
        Assert.Equal((uint)offset, field.Describe().Number);
        Assert.Equal(8 * bytes, field.Describe().Bits);
    }

    [Fact]
    public void TablesFollowTheirEnumerationsAndTheManualsOrder()
    {
        Assert.Equal(Enum.GetValues<VmcsField>().Length, VmcsFields.All.Length);
        Assert.Equal(Enum.GetValues<VmcbField>().Length, VmcbFields.All.Length);
        Assert.Equal(VmcsFields.All.OrderBy(field => field.Number), VmcsFields.All);
        Assert.Equal(VmcbFields.All.OrderBy(field => field.Number), VmcbFields.All);
        Assert.Equal(VmcsFields.All.Length, VmcsFields.All.DistinctBy(field => field.Key).Count());
        Assert.Equal(VmcbFields.All.Length, VmcbFields.All.DistinctBy(field => field.Key).Count());
    }

    [Fact]
    public void AValueWiderThanItsFieldIsRefused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new Vmcs().Set(VmcsField.GuestCsSelector, 0x1_0000));

    // From dumps of Linux hosts: primary and exit controls of a guest with EPT, TPR shadow and without I/O bitmaps; entry controls in and out of
    // long mode; guest/host masks; CR4 of a restricted guest in real mode with shadow paging, 0x2061, and its CR0, 0x80010031.
    [Theory]
    [InlineData("long", EntryMode.EptUnrestricted, VmcsField.PrimaryControls, 0xB5A0_6DFA)]
    [InlineData("long", EntryMode.EptUnrestricted, VmcsField.PinControls, 0x3F)]
    [InlineData("long", EntryMode.EptUnrestricted, VmcsField.EntryControls, 0xD3FF)]
    [InlineData("real", EntryMode.EptUnrestricted, VmcsField.EntryControls, 0xD1FF)]
    [InlineData("long", EntryMode.EptUnrestricted, VmcsField.ExitControls, 0x2B_EFFF)]
    [InlineData("long", EntryMode.EptUnrestricted, VmcsField.Cr0Mask, 0xFFFF_FFFF_FFFE_FFF7)]
    [InlineData("long", EntryMode.EptUnrestricted, VmcsField.Cr4Mask, 0xFFFF_FFFF_FFFE_F871)]
    [InlineData("real", EntryMode.VmxShadow, VmcsField.GuestCr0, 0x8001_0031)]
    [InlineData("real", EntryMode.VmxShadow, VmcsField.GuestCr4, 0x2061)]
    [InlineData("real", EntryMode.Ept, VmcsField.GuestCr4, 0x2051)]
    [InlineData("real", EntryMode.Ept, VmcsField.GuestCr3, 0xFEFF_C000)]
    [InlineData("real", EntryMode.Ept, VmcsField.GuestTrBase, 0xFEFF_D000)]
    [InlineData("real", EntryMode.Ept, VmcsField.GuestRflags, 0x2_3002)]
    [InlineData("real", EntryMode.Ept, VmcsField.GuestCsAccess, 0xF3)]
    [InlineData("real", EntryMode.EptUnrestricted, VmcsField.GuestCsAccess, 0x9B)]
    [InlineData("real", EntryMode.EptUnrestricted, VmcsField.GuestCr0, 0x30)]
    [InlineData("real", EntryMode.EptUnrestricted, VmcsField.SecondaryControls, 0xA2)]
    [InlineData("real", EntryMode.Ept, VmcsField.SecondaryControls, 0x22)]
    [InlineData("real", EntryMode.VmxShadow, VmcsField.SecondaryControls, 0x20)]
    [InlineData("real", EntryMode.VmxShadow, VmcsField.GuestEfer, 0x800)]
    public void TheVmcsIsTheOneThatKvmBuilds(string state, EntryMode mode, VmcsField field, ulong expected)
    {
        ProcessorState processor = state == "long" ? EntryStates.Long() : EntryStates.Real();
        Assert.True(VmcsBuilder.Build(processor, mode).TryGet(field, out ulong value));
        Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData(EntryMode.VmxShadow, true)]
    [InlineData(EntryMode.Ept, false)]
    [InlineData(EntryMode.EptUnrestricted, false)]
    public void Cr3AndInvlpgExitOnlyWithShadowPaging(EntryMode mode, bool exits)
    {
        EntryReport report = EntryChecks.Check(EntryStates.Long(), mode);
        foreach (string name in (string[])["CR3-load exiting", "CR3-store exiting", "INVLPG exiting"])
            Assert.Equal(exits, report.Controls.Single(control => control.Name == name).On);
        Assert.Equal(exits, report.Fields.Single(value => value.Field.Key == "guest.cr3").ChosenByHost);
    }

    // APM vol. 2, 15.5 and what KVM does without nested paging: PG and WP in CR0, PAE in CR4, the root of the shadow tables in CR3.
    [Theory]
    [InlineData(EntryMode.NestedPaging, VmcbField.Cr0, 0x10)]
    [InlineData(EntryMode.SvmShadow, VmcbField.Cr0, 0x8001_0010)]
    [InlineData(EntryMode.NestedPaging, VmcbField.Cr4, 0x40)]
    [InlineData(EntryMode.SvmShadow, VmcbField.Cr4, 0x60)]
    [InlineData(EntryMode.NestedPaging, VmcbField.Efer, 0x1000)]
    [InlineData(EntryMode.SvmShadow, VmcbField.Efer, 0x1800)]
    [InlineData(EntryMode.NestedPaging, VmcbField.NestedControl, 1)]
    [InlineData(EntryMode.SvmShadow, VmcbField.NestedControl, 0)]
    [InlineData(EntryMode.NestedPaging, VmcbField.CsAttributes, 0x9B)]
    [InlineData(EntryMode.NestedPaging, VmcbField.CsBase, 0xFFFF_0000)]
    [InlineData(EntryMode.NestedPaging, VmcbField.TrAttributes, 0x8B)]
    public void TheVmcbIsTheOneThatKvmBuildsAfterReset(EntryMode mode, VmcbField field, ulong expected)
    {
        Assert.True(VmcbBuilder.Build(ResetState.Create(0, 0x663), mode).TryGet(field, out ulong value));
        Assert.Equal(expected, value);
    }

    [Fact]
    public void VmcbAttributesPackTheAccessRights() // APM vol. 2, 15.5.1: descriptor bits 55:52 and 47:40
    {
        Vmcb vmcb = VmcbBuilder.Build(EntryStates.Long(), EntryMode.NestedPaging);
        Assert.True(vmcb.TryGet(VmcbField.CsAttributes, out ulong cs));
        Assert.True(vmcb.TryGet(VmcbField.LdtrAttributes, out ulong ldtr));
        Assert.Equal(0xA9BUL, cs);
        Assert.Equal(0UL, ldtr & 0x80);
    }

    // Linux' update_exception_bitmap: all of them while real mode runs as virtual-8086 mode, #PF only with shadow paging.
    [Theory]
    [InlineData(EntryMode.EptUnrestricted, 0x0006_0042u)]
    [InlineData(EntryMode.Ept, 0xFFFF_BFFFu)]
    [InlineData(EntryMode.VmxShadow, 0xFFFF_FFFFu)]
    public void ExceptionsExitAsTheModeNeedsIt(EntryMode mode, uint expected)
    {
        Vmcs vmcs = VmcsBuilder.Build(ResetState.Create(0, 0), mode);
        Assert.True(vmcs.TryGet(VmcsField.ExceptionBitmap, out ulong bitmap));
        Assert.Equal(expected, bitmap);
    }
}
