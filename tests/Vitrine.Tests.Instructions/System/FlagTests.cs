using Vitrine.X86.Registers;
using Xunit;
using F = Vitrine.X86.Registers.Rflags;
using M = Vitrine.Tests.Software.SystemMachine;

namespace Vitrine.Tests.Software;

/// <summary>CLI, STI, PUSHF, POPF, CLAC and STAC at every privilege: SDM vol. 2, tables of CLI, STI and POPF.</summary>
public sealed unsafe class FlagTests
{
    // SAFETY: machines outlive the pointers taken from them.

    [Theory]
    // CPL, IOPL, CR4.PVI, VIP -> STI, and which flag it sets
    [InlineData(0, 0UL, false, 0UL, "ok", F.IF)]
    [InlineData(3, 0UL, false, 0UL, "#13(0)", 0UL)]
    [InlineData(3, F.IOPL, false, 0UL, "ok", F.IF)]
    [InlineData(3, 0UL, true, 0UL, "ok", F.VIF)]
    [InlineData(3, 0UL, true, F.VIP, "#13(0)", 0UL)]
    public void SetInterrupts(int cpl, ulong iopl, bool pvi, ulong vip, string expected, ulong flag)
    {
        using M m = M.Protected(cpl);
        m.Rflags = F.Fixed | iopl | vip;
        if (pvi) m.Cpu->Cr4 |= Cr4.PVI;
        Assert.Equal(expected, m.Execute(a => a.sti()));
        Assert.Equal(flag, m.Rflags & (F.IF | F.VIF));
        Assert.Equal(flag == F.IF ? 2u : 0u, m.Cpu->InterruptShadow);
        if (expected != "ok") return;
        Assert.Equal("ok", m.Execute(a => a.cli()));
        Assert.Equal(0UL, m.Rflags & (F.IF | F.VIF));
    }

    [Fact]
    public void StiWithInterruptsOnCastsNoShadow()
    {
        using M m = M.Protected();
        m.Rflags = F.Fixed | F.IF;
        Assert.Equal("ok", m.Execute(a => a.sti()));
        Assert.Equal(0u, m.Cpu->InterruptShadow);
    }

    [Theory]
    [InlineData(0, 0UL, F.Arithmetic | F.TF | F.IF | F.DF | F.IOPL | F.NT | F.AC | F.ID)]
    [InlineData(3, 0UL, F.Arithmetic | F.TF | F.DF | F.NT | F.AC | F.ID)]
    [InlineData(3, F.IOPL, F.Arithmetic | F.TF | F.IF | F.DF | F.IOPL | F.NT | F.AC | F.ID)]
    public void PopfChangesWhatTheLevelMay(int cpl, ulong iopl, ulong expected)
    {
        using M m = M.Protected(cpl);
        m.Rflags = F.Fixed | iopl;
        m.Push(4, F.Defined);
        Assert.Equal("ok", m.Execute(a => a.popfd()));
        Assert.Equal(expected | F.Fixed, m.Rflags);
    }

    [Fact]
    public void PushfHidesVmAndRf()
    {
        using M m = M.Protected();
        m.Rflags = F.Fixed | F.RF | F.IF;
        Assert.Equal("ok", m.Execute(a => a.pushfd()));
        Assert.Equal(F.Fixed | F.IF, m.Read(m.Rsp, 4));
    }

    [Theory]
    [InlineData(3, false, "ok", F.IF)]
    [InlineData(0, false, "#13(0)", 0UL)]
    [InlineData(0, true, "ok", F.VIF)]
    public void Virtual8086Popf(int iopl, bool vme, string expected, ulong flag)
    {
        using M m = M.Virtual8086(iopl);
        if (vme) m.Cpu->Cr4 |= Cr4.VME;
        m.Push(2, F.IF);
        Assert.Equal(expected, m.Execute(a => a.popf()));
        Assert.Equal(flag, m.Rflags & (F.IF | F.VIF));
        if (expected != "ok") return;
        Assert.Equal("ok", m.Execute(a => a.pushf()));

        // The program sees IF whichever flag it is, and IOPL 3.
        Assert.Equal(F.IF | F.IOPL | F.Fixed, m.Read(m.Cpu->Segments[2].Base + m.Rsp, 2));
    }

    [Fact]
    public void AlignmentCheckFlagForSmap()
    {
        using M m = M.Long();
        Assert.Equal("ok", m.Execute(a => a.stac()));
        Assert.Equal(F.AC, m.Rflags & F.AC);
        Assert.Equal("ok", m.Execute(a => a.clac()));
        Assert.Equal(0UL, m.Rflags & F.AC);
        using M user = M.Long(3);
        Assert.Equal("#6", user.Execute(a => a.stac()));
    }

    [Theory]
    // Redirection bit, IOPL, CR4.VME -> INT 21h in virtual-8086 mode (SDM vol. 3, table 21-2)
    [InlineData(false, 3, false, "idt")]
    [InlineData(false, 0, false, "#13(0)")]
    [InlineData(false, 3, true, "ivt")]
    [InlineData(false, 0, true, "ivt")]
    [InlineData(true, 3, true, "idt")]
    [InlineData(true, 0, true, "#13(0)")]
    public void Virtual8086Interrupt(bool bit, int iopl, bool vme, string expected)
    {
        using M m = M.Virtual8086(iopl);
        if (vme) m.Cpu->Cr4 |= Cr4.VME;
        m.SetHandler(0x21, dpl: 3);
        m.Cpu->Segments[6].Limit = 0x200;
        m.Write(M.Tss + 102, (ushort)0x88);
        m.Write(M.Tss + 0x68 + (0x21 / 8), (byte)(bit ? 2 : 0));
        m.Write(0x21 * 4, 0x0900_0004u);
        m.Cpu->SystemFlags |= iopl == 3 ? F.IF : F.VIF;
        RunResult outcome = m.Execute(a => a.@int(0x21));
        Assert.Equal(expected[0] == '#' ? expected : "ok", outcome);
        if (expected == "idt") Assert.Equal((M.Handler, 0UL), (m.Cpu->Rip, m.Rflags & F.VM));
        if (expected != "ivt") return;
        Assert.Equal((4UL, 0x9000UL), (m.Cpu->Rip, m.Cpu->Segments[1].Base));
        Assert.Equal(0UL, m.Rflags & (iopl == 3 ? F.IF : F.VIF));
        ulong stack = m.Cpu->Segments[2].Base + m.Rsp;
        Assert.Equal([0x1002, 0x700, F.Fixed | F.IF | F.IOPL], m.Stack(stack, 2, 3));
    }
}
