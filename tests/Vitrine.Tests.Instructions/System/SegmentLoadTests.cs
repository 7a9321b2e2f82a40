using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.SystemMachine;

namespace Vitrine.Tests.Software;

/// <summary>Loads of segment registers and questions about descriptors: SDM vol. 2, MOV, LLDT, LTR, LAR, LSL, VERR, ARPL.</summary>
public sealed unsafe class SegmentLoadTests
{
    // SAFETY: machines outlive the pointers taken from them.

    [Theory]
    [InlineData(0, M.Data0, "ok")]
    [InlineData(0, 0, "ok")]
    [InlineData(0, 3, "ok")]
    [InlineData(0, M.Data3, "ok")]
    [InlineData(0, M.Data0 | 3, "#13(10)")] // RPL above DPL
    [InlineData(3, M.Data0, "#13(10)")] // CPL above DPL
    [InlineData(0, M.ExecuteOnly0, "#13(78)")]
    [InlineData(0, M.Code0, "ok")] // readable code
    [InlineData(3, M.Conforming0 | 3, "ok")] // readable conforming code of any level
    [InlineData(0, M.AbsentData, "#11(60)")]
    [InlineData(0, M.TaskSelector, "#13(38)")]
    [InlineData(0, 0x1000, "#13(1000)")]
    [InlineData(0, 0x0C, "#13(c)")] // no LDT
    public void DataSegments(int cpl, ushort selector, string expected)
    {
        using M m = M.Protected(cpl);
        m.Cpu->Gpr[Gpr.Rax] = selector;
        ushort old = m.Selector(Seg.Ds);
        Assert.Equal(expected, m.Execute(a => a.mov(ds, ax)));
        Assert.Equal(expected == "ok" ? selector : old, m.Selector(Seg.Ds));
    }

    [Theory]
    [InlineData(0, M.Data0, "ok")]
    [InlineData(0, 0, "#13(0)")]
    [InlineData(0, M.Data0 | 3, "#13(10)")]
    [InlineData(0, M.Data3, "#13(20)")]
    [InlineData(0, M.Code0, "#13(8)")]
    [InlineData(3, M.ReadOnly3, "#13(68)")]
    [InlineData(0, M.AbsentData, "#12(60)")]
    public void StackSegment(int cpl, ushort selector, string expected)
    {
        using M m = M.Protected(cpl);
        m.Cpu->Gpr[Gpr.Rax] = selector;
        Assert.Equal(expected, m.Execute(a => a.mov(ss, ax)));
        Assert.Equal(expected == "ok" ? 1u : 0u, m.Cpu->InterruptShadow);
    }

    [Theory]
    [InlineData(0, 0, "ok")]
    [InlineData(0, 1, "#13(0)")] // RPL must be CPL
    [InlineData(3, 3, "#13(0)")]
    public void NullStackSegmentInLongMode(int cpl, ushort selector, string expected)
    {
        using M m = M.Long(cpl);
        m.Cpu->Gpr[Gpr.Rax] = selector;
        Assert.Equal(expected, m.Execute(a => a.mov(ss, ax)));
    }

    [Fact]
    public void LoadSetsAccessedBit()
    {
        using M m = M.Protected();
        m.SetGdt(M.Data0, 0x00CF_9200_0000_FFFF);
        m.Cpu->Gpr[Gpr.Rax] = M.Data0;
        Assert.Equal("ok", m.Execute(a => a.mov(es, ax)));
        Assert.Equal(0x93UL, m.Read(M.Gdt + M.Data0 + 5, 1));
        Assert.Equal(0xC093u, m.Cpu->Segments[Seg.Es].Access);
    }

    [Fact]
    public void RealModeKeepsLimit()
    {
        using M m = M.Real();
        m.Cpu->Segments[Seg.Ds].Limit = uint.MaxValue;
        m.Cpu->Gpr[Gpr.Rax] = 0x1234;
        Assert.Equal("ok", m.Execute(a => a.mov(ds, ax)));
        Assert.Equal((0x12340UL, uint.MaxValue), (m.Cpu->Segments[Seg.Ds].Base, m.Cpu->Segments[Seg.Ds].Limit));
    }

    [Fact]
    public void NullGsClearsItsBase()
    {
        using M m = M.Long();
        m.Cpu->Segments[Seg.Gs].Base = 0x1234_5678_9ABC;
        m.Cpu->Gpr[Gpr.Rax] = 0;
        Assert.Equal("ok", m.Execute(a => a.mov(gs, ax)));
        Assert.Equal(0UL, m.Cpu->Segments[Seg.Gs].Base);
    }

    [Theory]
    [InlineData(M.TaskSelector, "#13(38)")] // busy
    [InlineData(M.Task2Selector, "ok")]
    [InlineData(0, "#13(0)")]
    [InlineData(M.Data0, "#13(10)")]
    [InlineData(4, "#13(4)")] // in the LDT
    public void TaskRegister(ushort selector, string expected)
    {
        using M m = M.Protected();
        m.Cpu->Gpr[Gpr.Rax] = selector;
        Assert.Equal(expected, m.Execute(a => a.ltr(ax)));
        if (expected == "ok") Assert.Equal(0x8BUL, m.Read(M.Gdt + selector + 5, 1));
    }

    [Theory]
    [InlineData(M.Ldt, "ok")]
    [InlineData(0, "ok")]
    [InlineData(M.Data0, "#13(10)")]
    public void LocalTable(ushort selector, string expected)
    {
        using M m = M.Protected();
        m.Cpu->Gpr[Gpr.Rax] = selector;
        Assert.Equal(expected, m.Execute(a => a.lldt(ax)));
        Assert.Equal(expected == "ok" && selector != 0 ? 0x4000UL : 0, m.Cpu->Segments[Seg.Ldtr].Base);
    }

    [Fact]
    public void LongModeTaskRegisterHas64BitBase()
    {
        using M m = M.Long();
        m.SetGdt(M.Ldt, 0x0000_8900_0000_0067 | (0x3000UL << 16));
        m.SetGdt(M.Ldt + 8, 0xFFFF_8000);
        m.Cpu->Gpr[Gpr.Rax] = M.Ldt;
        Assert.Equal("ok", m.Execute(a => a.ltr(ax)));
        Assert.Equal(0xFFFF_8000_0000_3000, m.Cpu->Segments[Seg.Tr].Base);
    }

    [Theory]
    [InlineData(M.Code0, true, 0x00CF_9B00UL, 0xFFFF_FFFFUL)]
    [InlineData(M.TaskSelector, true, 0x0000_8B00UL, 0x67UL)]
    [InlineData(0, false, 0UL, 0UL)]
    [InlineData(M.Data0 | 3, false, 0UL, 0UL)]
    [InlineData(0x1000, false, 0UL, 0UL)]
    public void AccessRightsAndLimit(ushort selector, bool valid, ulong rights, ulong limit)
    {
        using M m = M.Protected();
        m.Cpu->Gpr[Gpr.Rax] = selector;
        Assert.Equal("ok", m.Execute(a => a.lar(ebx, eax)));
        Assert.Equal(valid, (m.Rflags & 0x40) != 0);
        Assert.Equal("ok", m.Execute(a => a.lsl(ecx, eax)));
        Assert.Equal(valid, (m.Rflags & 0x40) != 0);
        Assert.Equal((rights, limit), (m.Cpu->Gpr[Gpr.Rbx], m.Cpu->Gpr[Gpr.Rcx]));
    }

    [Theory]
    [InlineData(M.Data0, true, true)]
    [InlineData(M.Code0, true, false)]
    [InlineData(M.ExecuteOnly0, false, false)]
    [InlineData(M.ReadOnly3, true, false)]
    [InlineData(0, false, false)]
    public void Verification(ushort selector, bool read, bool write)
    {
        using M m = M.Protected();
        m.Cpu->Gpr[Gpr.Rax] = selector;
        m.Execute(a => a.verr(ax));
        Assert.Equal(read, (m.Rflags & 0x40) != 0);
        m.Execute(a => a.verw(ax));
        Assert.Equal(write, (m.Rflags & 0x40) != 0);
    }

    [Theory]
    [InlineData(0x10, 3, true, 0x13)]
    [InlineData(0x13, 1, false, 0x13)]
    public void AdjustRpl(ushort destination, ushort source, bool zero, ushort expected)
    {
        using M m = M.Protected();
        m.Cpu->Gpr[Gpr.Rax] = destination;
        m.Cpu->Gpr[Gpr.Rbx] = source;
        Assert.Equal("ok", m.Execute(a => a.arpl(ax, bx)));
        Assert.Equal((zero, (ulong)expected), ((m.Rflags & 0x40) != 0, m.Cpu->Gpr[Gpr.Rax]));
    }
}
