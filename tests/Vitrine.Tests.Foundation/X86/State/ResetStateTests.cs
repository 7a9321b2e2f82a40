using System.Buffers.Binary;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.X86.State;

/// <summary>SDM vol. 3, table 9-1, as QEMU and KVM report it of a vCPU after creation.</summary>
public sealed class ResetStateTests
{
    private const uint Signature = 0x60FB1;

    [Fact]
    public void BootstrapProcessor()
    {
        ProcessorState state = ResetState.Create(0, Signature);
        Assert.Equal(new SegmentRegister(0xF000, 0xFFFF0000, 0xFFFF, 0x9B), state.Segments[Seg.Cs]);
        foreach (int segment in (int[])[Seg.Ds, Seg.Es, Seg.Fs, Seg.Gs, Seg.Ss])
            Assert.Equal(new SegmentRegister(0, 0, 0xFFFF, 0x93), state.Segments[segment]);
        Assert.Equal(new SegmentRegister(0, 0, 0xFFFF, 0x82), state.Segments[Seg.Ldtr]);
        Assert.Equal(new SegmentRegister(0, 0, 0xFFFF, 0x8B), state.Segments[Seg.Tr]);
        Assert.Equal(new DescriptorTable(0, 0xFFFF), state.Gdtr);
        Assert.Equal(new DescriptorTable(0, 0xFFFF), state.Idtr);
        Assert.Equal(0xFFF0UL, state.Rip);
        Assert.Equal(2UL, state.Rflags);
        Assert.Equal(Signature, state.Gpr[Gpr.Rdx]);
        Assert.All(state.Gpr.Where((_, i) => i != Gpr.Rdx), value => Assert.Equal(0UL, value));
        Assert.Equal(0x60000010UL, state.Cr0);
        Assert.Equal((0UL, 0UL, 0UL, 0UL), (state.Cr2, state.Cr3, state.Cr4, state.Efer));
        Assert.Equal((0xFFFF0FF0UL, 0x400UL), (state.Dr6, state.Dr7));
        Assert.Equal((1UL, (ushort)0x37F, 0x1F80u), (state.Xcr0, state.Fpu.ControlWord, state.Fpu.Mxcsr));
        Assert.Equal(0x0007040600070406UL, state.Msrs[Msr.IA32_PAT]);
        Assert.Equal(0xFEE00900UL, state.ApicBase);
        Assert.Equal(MpState.Runnable, state.MpState);
        Assert.Equal(0xFFF0UL + 0xFFFF0000, state.Segments[Seg.Cs].Base + state.Rip);
    }

    [Fact]
    public void ApplicationProcessorWaits()
    {
        ProcessorState state = ResetState.Create(3, Signature);
        Assert.Equal(0xFEE00800UL, state.ApicBase);
        Assert.Equal(MpState.Uninitialized, state.MpState);
        Assert.Equal(3u << 24, BinaryPrimitives.ReadUInt32LittleEndian(state.LocalApic.AsSpan(0x20)));
    }

    [Fact]
    public void ResetForgetsAllThatWas()
    {
        ProcessorState used = Used();
        used.Msrs[Msr.IA32_TSC_AUX] = 7;
        ResetState.Apply(used, 0, Signature);
        ProcessorState fresh = ResetState.Create(0, Signature);
        Assert.Equal(fresh.Gpr, used.Gpr);
        Assert.Equal(fresh.Segments, used.Segments);
        Assert.Equal((fresh.Cr0, fresh.Cr4, fresh.Cr8, fresh.Xcr0, fresh.Efer), (used.Cr0, used.Cr4, used.Cr8, used.Xcr0, used.Efer));
        Assert.Equal(fresh.Fpu.Xmm, used.Fpu.Xmm);
        Assert.Equal(fresh.LocalApic, used.LocalApic);
        Assert.Equal(0UL, used.Msrs[Msr.IA32_TSC_AUX]);
        Assert.Equal(0UL, used.Msrs[Msr.IA32_LSTAR]);
    }

    /// <summary>Table 9-1, column INIT: CD and NW, FPU, SSE, XCR0, MSRs and time-stamp counter are unchanged.</summary>
    [Theory]
    [InlineData(0x80050033UL, 0x10UL)]
    [InlineData(0xE0050033UL, 0x60000010UL)]
    public void InitKeepsCachesFpuAndMsrs(ulong cr0, ulong expected)
    {
        ProcessorState state = Used();
        state.Cr0 = cr0;
        ResetState.ApplyInit(state, Signature);
        Assert.Equal(expected, state.Cr0);
        Assert.Equal(0UL, state.Cr4);
        Assert.Equal(0xFFF0UL, state.Rip);
        Assert.Equal(Signature, state.Gpr[Gpr.Rdx]);
        Assert.Equal((UInt128)5, state.Fpu.Xmm[1]);
        Assert.Equal(7UL, state.Xcr0);
        Assert.Equal(0x1234UL, state.Msrs[Msr.IA32_LSTAR]);
        Assert.Equal(MpState.InitReceived, state.MpState);
    }

    private static ProcessorState Used()
    {
        var state = new ProcessorState { Cr4 = 0x20, Cr8 = 4, Xcr0 = 7, Efer = 0x500, Rip = 99, ApicBase = 0xFEE00800 };
        state.Gpr[Gpr.Rax] = 1;
        state.Fpu.Xmm[1] = 5;
        state.Msrs[Msr.IA32_LSTAR] = 0x1234;
        state.LocalApic[0x80] = 0x20;
        state.Segments[Seg.Gs] = new SegmentRegister(0, 0x5000, 0, SegmentRegister.UnusableBit);
        return state;
    }
}
