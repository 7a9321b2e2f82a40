using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.X86.State;

public sealed class StateDifferenceTests
{
    public static TheoryData<string, string, Action<ProcessorState>> Changes => new()
    {
        { "RAX", "RAX 0000000000000000 -> 0000000000000012", s => s.Gpr[Gpr.Rax] = 0x12 },
        { "R15", "R15 0000000000000000 -> 0000000000000001", s => s.Gpr[15] = 1 },
        { "RIP", "RIP 000000000000fff0 -> 0000000000001000", s => s.Rip = 0x1000 },
        { "RFLAGS", "RFLAGS 0000000000000002 -> 0000000000000042", s => s.Rflags |= Rflags.ZF },
        { "CS", "CS f000 -> 0008", s => s.Segments[Seg.Cs].Selector = 8 },
        { "CS.base", "CS.base 00000000ffff0000 -> 00000000000f0000", s => s.Segments[Seg.Cs].Base = 0xF0000 },
        { "LDTR.access", "LDTR.access 00082 -> 10082", s => s.Segments[Seg.Ldtr].Access |= SegmentRegister.UnusableBit },
        { "SS.limit", "SS.limit 0000ffff -> ffffffff", s => s.Segments[Seg.Ss].Limit = uint.MaxValue },
        { "GDTR.base", "GDTR.base 0000000000000000 -> 0000000000000800", s => s.Gdtr = s.Gdtr with { Base = 0x800 } },
        { "IDTR.limit", "IDTR.limit ffff -> 03ff", s => s.Idtr = s.Idtr with { Limit = 0x3FF } },
        { "CR0", "CR0 0000000060000010 -> 0000000060000011", s => s.Cr0 |= 1 },
        { "CR3", "CR3 0000000000000000 -> 0000000000002000", s => s.Cr3 = 0x2000 },
        { "PKRU", "PKRU 00000000 -> 55555554", s => s.Pkru = 0x5555_5554 },
        { "DR7", "DR7 0000000000000400 -> 0000000000000401", s => s.Dr7 |= 1 },
        { "DR2", "DR2 0000000000000000 -> 0000000000000005", s => s.DebugAddress[2] = 5 },
        { "IA32_EFER", "IA32_EFER 0000000000000000 -> 0000000000000500", s => s.Efer = 0x500 },
        { "IA32_STAR", "IA32_STAR 0000000000000000 -> 0000000000000007", s => s.Msrs[Msr.IA32_STAR] = 7 },
        { "XMM3", "XMM3 00000000000000000000000000000000 -> 80000000000000000000000000000000", s => s.Fpu.Xmm[3] = UInt128.One << 127 },
        { "ST(1)", "ST(1) 00000000000000000000 -> 00000000000000000009", s => s.Fpu.St[1] = 9 },
        { "MXCSR", "MXCSR 00001f80 -> 00001fa0", s => s.Fpu.Mxcsr = 0x1FA0 },
        { "MP state", "MP state 00000000 -> 00000003", s => s.MpState = MpState.Halted },
        { "interrupt shadow", "interrupt shadow 00 -> 02", s => s.Events = s.Events with { InterruptShadow = 2 } },
        { "APIC[0x0F0]", "APIC[0x0F0] 000000ff -> 000001ff", s => (s.LocalApic[0xF0], s.LocalApic[0xF1]) = (0xFF, 1) },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void AChangeIsOneRegisterByItsName(string name, string text, Action<ProcessorState> change)
    {
        ProcessorState before = Reset();
        ProcessorState after = new();
        after.CopyFrom(before);
        Assert.Empty(StateDifference.Between(before, after));
        change(after);
        RegisterChange difference = Assert.Single(StateDifference.Between(before, after));
        Assert.Equal((name, text, false), (difference.Name, difference.ToString(), difference.IsClock));

        // And a copy is a copy of everything.
        before.CopyFrom(after);
        Assert.Empty(StateDifference.Between(before, after));
    }

    [Fact]
    public void WhatOneOfThemLacksIsNoDifference()
    {
        ProcessorState before = Reset();
        ProcessorState after = Reset();
        before.Msrs[Msr.IA32_TSC_AUX] = 5;
        after.Msrs[Msr.IA32_FEATURE_CONTROL] = 1;
        after.LocalApic[0x30] = 0;
        after.Rip = 1;
        Assert.Equal(["RIP"], StateDifference.Between(before, after).Select(change => change.Name));
    }

    [Fact]
    public void ClocksAreKnownAsSuch()
    {
        ProcessorState before = Reset();
        ProcessorState after = Reset();
        after.Msrs[Msr.IA32_TIME_STAMP_COUNTER] = 5;
        after.LocalApic[0x390] = 7;
        Assert.Equal([("IA32_TIME_STAMP_COUNTER", true), ("APIC[0x390]", true)], StateDifference.Between(before, after).Select(change => (change.Name, change.IsClock)));
    }

    [Theory]
    [InlineData(0x200, "IA32_MTRR_PHYSBASE0")]
    [InlineData(0x20F, "IA32_MTRR_PHYSMASK7")]
    [InlineData(0x268, "IA32_MTRR_FIX4K_C0000")]
    [InlineData(0x26F, "IA32_MTRR_FIX4K_F8000")]
    [InlineData(0x4B564D01, "MSR_KVM_SYSTEM_TIME_NEW")]
    [InlineData(0xC0000102, "IA32_KERNEL_GS_BASE")]
    [InlineData(0x12345, "MSR 0x12345")]
    public void MsrsHaveTheirNames(uint index, string name) => Assert.Equal(name, MsrName.Of(index));

    private static ProcessorState Reset()
    {
        ProcessorState state = ResetState.Create(0, 0);

        // As read from an accelerator: its APIC has a version.
        state.LocalApic[0x30] = 0x14;
        return state;
    }
}
