using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using F = Vitrine.X86.Registers.Rflags;
using M = Vitrine.Tests.Software.SystemMachine;

namespace Vitrine.Tests.Software;

/// <summary>IRET: SDM vol. 2, IRET/IRETD/IRETQ.</summary>
public sealed unsafe class InterruptReturnTests
{
    // SAFETY: machines outlive the pointers taken from them.
    private const ulong User = F.Fixed | F.IF;

    [Fact]
    public void RealMode()
    {
        using M m = M.Real();
        m.Push(2, 0x4321, 0x0100, F.Defined | 0xF000);
        Assert.Equal("ok", m.Execute(a => a.iret()));
        Assert.Equal((0x4321UL, (ushort)0x100, M.KernelStack), (m.Cpu->Rip, m.Selector(Seg.Cs), m.Rsp));
        Assert.Equal(F.Defined & 0xFFFF | F.Fixed, m.Rflags);
    }

    [Fact]
    public void RealModeDoublewordKeepsVirtualFlags()
    {
        using M m = M.Real();
        m.Push(4, 0x4321, 0x0100, F.Defined);
        Assert.Equal("ok", m.Execute(a => a.iretd()));
        Assert.Equal((F.Defined | F.Fixed) & ~(F.VM | F.VIF | F.VIP), m.Rflags);
    }

    [Fact]
    public void ProtectedModeSameLevel()
    {
        using M m = M.Protected();
        m.Push(4, 0x1234, M.Code0, User | F.RF | F.IOPL);
        Assert.Equal("ok", m.Execute(a => a.iretd()));
        Assert.Equal((0x1234UL, M.KernelStack, User | F.RF | F.IOPL), (m.Cpu->Rip, m.Rsp, m.Rflags));
    }

    [Fact]
    public void ProtectedModeOuterLevelLoadsStackAndDropsData()
    {
        using M m = M.Protected();
        SegmentLoad.TryLoad(m.Cpu, Seg.Es, M.Data3);
        m.Push(4, 0x1234, M.Code3, User, 0x4FF0, M.Data3);
        Assert.Equal("ok", m.Execute(a => a.iretd()));
        Assert.Equal((0x1234UL, 0x4FF0UL, 3u, M.Data3), (m.Cpu->Rip, m.Rsp, m.Cpu->Cpl, m.Selector(Seg.Ss)));
        Assert.Equal((ushort)0, m.Selector(Seg.Ds)); // DPL 0 data is not for level 3
        Assert.Equal(M.Data3, m.Selector(Seg.Es));
    }

    [Fact]
    public void ProtectedModeToVirtual8086()
    {
        using M m = M.Protected();
        m.Push(4, 0x1000, 0x700, F.Fixed | F.VM | F.IF | F.IOPL, 0x800, 0x200, 0x300, 0x400, 0x500, 0x600);
        Assert.Equal("ok", m.Execute(a => a.iretd()));
        Assert.Equal((0x1000UL, 0x800UL, 3u), (m.Cpu->Rip, m.Rsp, m.Cpu->Cpl));
        Assert.Equal([0x300, 0x700, 0x200, 0x400, 0x500, 0x600], Enumerable.Range(0, 6).Select(m.Selector).ToArray());
        Assert.Equal(0x7000UL, m.Cpu->Segments[Seg.Cs].Base);
        Assert.Equal(ExecutionMode.Virtual8086, m.Cpu->Mode & ExecutionMode.Virtual8086);
    }

    [Theory]
    // Level 3 changes IF only with IOPL 3, and never IOPL, VIF or VIP.
    [InlineData(0UL, F.Fixed | F.CF | F.AC | F.ID)]
    [InlineData(F.IOPL, F.Fixed | F.CF | F.AC | F.ID | F.IF | F.IOPL)]
    public void UserLevelKeepsSystemFlags(ulong iopl, ulong expected)
    {
        using M m = M.Protected(3);
        m.Rflags = F.Fixed | iopl;
        m.Push(4, 0x1234, M.Code3, F.Fixed | F.CF | F.IF | F.AC | F.ID | F.VIF | F.VIP | (F.IOPL - iopl));
        Assert.Equal("ok", m.Execute(a => a.iretd()));
        Assert.Equal(expected, m.Rflags);
    }

    [Theory]
    [InlineData(0, 0, "#13(0)")]
    [InlineData(M.Data0, 0, "#13(10)")]
    [InlineData(0x1000, 0, "#13(1000)")]
    [InlineData(M.AbsentCode0, 0, "#11(80)")]
    [InlineData(M.Code0 | 3, M.Data3, "#13(8)")] // RPL 3, DPL 0, not conforming
    [InlineData(M.Code3 & ~3, 0, "#13(18)")]
    [InlineData(M.Code3, 0, "#13(0)")] // null SS
    [InlineData(M.Code3, M.Data0, "#13(10)")]
    [InlineData(M.Code3, M.Data3 & ~3, "#13(20)")]
    [InlineData(M.Code3, M.ReadOnly3, "#13(68)")]
    [InlineData(M.Conforming0 | 3, M.Data3, "ok")]
    public void ProtectedModeFaults(ushort cs, ushort ss, string expected)
    {
        using M m = M.Protected();
        m.Push(4, 0x1234, cs, User, 0x4FF0, ss);
        ulong rsp = m.Rsp;
        Assert.Equal(expected, m.Execute(a => a.iretd()));
        if (expected != "ok") Assert.Equal((rsp, M.Code0, M.Code), (m.Rsp, m.Selector(Seg.Cs), m.Cpu->Rip));
    }

    [Fact]
    public void InwardReturnIsRefused()
    {
        using M m = M.Protected(3);
        m.Push(4, 0x1234, M.Code0, User);
        Assert.Equal("#13(8)", m.Execute(a => a.iretd()));
    }

    [Fact]
    public void LongModePopsStackAlways()
    {
        using M m = M.Long();
        m.Push(8, 0x1234, M.Code64, User, 0x6FF1, M.Data0);
        Assert.Equal("ok", m.Execute(a => a.iretq()));
        Assert.Equal((0x1234UL, 0x6FF1UL, User), (m.Cpu->Rip, m.Rsp, m.Rflags));
    }

    [Theory]
    [InlineData(M.Code64, 0, 0x1234UL, "ok")] // null SS into 64-bit code of level 0
    [InlineData(M.Code64User, 3, 0x1234UL, "#13(0)")] // but not of level 3
    [InlineData(M.Code64User, M.Data3, 0x1234UL, "ok")]
    [InlineData(M.Code3, M.Data3, 0x1234UL, "ok")] // compatibility mode
    [InlineData(M.Code0, 0, 0x1234UL, "#13(0)")]
    [InlineData(M.Code64User, M.Data3, 0x8000_0000_0000UL, "#13(0)")]
    [InlineData(M.Code3, M.Data3, 0x1_0000_0000UL, "#13(0)")]
    public void LongModeTargets(ushort cs, ushort ss, ulong rip, string expected)
    {
        using M m = M.Long();
        m.Push(8, rip, cs, User, 0x4FF0, ss);
        Assert.Equal(expected, m.Execute(a => a.iretq()));
    }

    [Fact]
    public void LongModeRefusesNestedTask()
    {
        using M m = M.Long();
        m.Rflags = F.Fixed | F.NT;
        m.Push(8, 0x1234, M.Code64, User, 0x4FF0, M.Data0);
        Assert.Equal("#13(0)", m.Execute(a => a.iretq()));
    }

    [Theory]
    // iopl, CR4.VME, popped flags, VIP -> outcome
    [InlineData(3, false, F.IF, 0UL, "ok")]
    [InlineData(0, false, 0UL, 0UL, "#13(0)")]
    [InlineData(0, true, F.IF, 0UL, "ok")]
    [InlineData(0, true, F.IF, F.VIP, "#13(0)")]
    [InlineData(0, true, F.TF, 0UL, "#13(0)")]
    public void Virtual8086Return(int iopl, bool vme, ulong popped, ulong vip, string expected)
    {
        using M m = M.Virtual8086(iopl);
        m.Cpu->SystemFlags |= vip;
        if (vme) m.Cpu->Cr4 |= Cr4.VME;
        m.Push(2, 0x1234, 0x700, popped | F.Fixed);
        Assert.Equal(expected, m.Execute(a => a.iret()));
        if (expected != "ok") return;
        Assert.Equal(0x1234UL, m.Cpu->Rip);
        Assert.Equal(iopl == 3 ? F.IF : F.VIF, m.Rflags & (F.IF | F.VIF));
    }
}
