using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.SystemMachine;

namespace Vitrine.Tests.Software;

/// <summary>Conditions of #GP(0) and side effects of MOV CRn, MOV DRn, LMSW, CLTS: SDM vol. 2; vol. 3, 2.5, 4.1, 18.2.</summary>
public sealed unsafe class ControlRegisterTests
{
    // SAFETY: machines outlive the pointers taken from them.
    private const ulong Pe = Cr0.PE | Cr0.ET;

    [Theory]
    [InlineData(Cr0.PG, "#13(0)")] // PG without PE
    [InlineData(Pe | Cr0.NW, "#13(0)")] // NW without CD
    [InlineData(Pe | Cr0.NW | Cr0.CD, "ok")]
    [InlineData(Pe | 0x0FF8_FFC0, "ok")] // reserved bits are ignored
    [InlineData(Pe | Cr0.WP, "ok")]
    [InlineData(Cr0.ET, "ok")]
    public void Cr0InProtectedMode(ulong value, string expected)
    {
        using M m = M.Protected();
        m.Cpu->Gpr[Gpr.Rax] = value;
        Assert.Equal(expected, m.Execute(a => a.mov(cr0, eax)));
        if (expected == "ok") Assert.Equal((value & Cr0.Defined) | Cr0.ET, m.Cpu->Cr0);
    }

    [Theory]
    [InlineData(1UL << 32, "#13(0)")]
    [InlineData(Pe, "#13(0)")] // leaving paging in 64-bit mode
    [InlineData(Pe | Cr0.PG | Cr0.TS, "ok")]
    public void Cr0InLongMode(ulong value, string expected)
    {
        using M m = M.Long();
        m.Cpu->Gpr[Gpr.Rax] = value;
        Assert.Equal(expected, m.Execute(a => a.mov(cr0, rax)));
    }

    [Theory]
    // PAE, CS.L, 16-bit TSS -> entering IA-32e mode
    [InlineData(true, false, false, "ok")]
    [InlineData(false, false, false, "#13(0)")]
    [InlineData(true, true, false, "#13(0)")]
    [InlineData(true, false, true, "#13(0)")]
    public void EnteringLongMode(bool pae, bool longCode, bool task16, string expected)
    {
        using M m = M.Protected();
        m.Cpu->Efer = Efer.LME;
        m.Cpu->Cr4 = pae ? Cr4.PAE : 0;
        m.Cpu->Cr3 = 0x10000;
        m.Write(0x10000, 0x11007UL);
        m.Write(0x11000, 0x87UL);
        if (longCode) m.Cpu->Segments[Seg.Cs].Access |= 0x2000;
        if (task16) m.Cpu->Segments[Seg.Tr].Access = 0x83;
        m.Cpu->Gpr[Gpr.Rax] = Pe | Cr0.PG;
        Assert.Equal(expected, m.Execute(a => a.mov(cr0, eax)));
        Assert.Equal(expected == "ok" ? Efer.LMA : 0, m.Cpu->Efer & Efer.LMA);
    }

    [Theory]
    [InlineData(Cr4.PAE | Cr4.PGE | Cr4.OSFXSR | Cr4.OSXMMEXCPT | Cr4.FSGSBASE | Cr4.SMEP | Cr4.SMAP | Cr4.OSXSAVE, "ok")]
    [InlineData(0UL, "#13(0)")] // PAE can't go in IA-32e mode
    [InlineData(Cr4.PAE | Cr4.VMXE, "#13(0)")] // not announced
    [InlineData(Cr4.PAE | (1UL << 40), "#13(0)")]
    [InlineData(Cr4.PAE | Cr4.PCIDE, "ok")]
    public void Cr4InLongMode(ulong value, string expected)
    {
        using M m = M.Long();
        m.Cpu->Gpr[Gpr.Rax] = value;
        Assert.Equal(expected, m.Execute(a => a.mov(cr4, rax)));
        if (expected == "ok") Assert.Equal(value, m.Cpu->Cr4);
    }

    [Fact]
    public void PcidNeedsLongModeAndClearLowBitsOfCr3()
    {
        using M m = M.Protected();
        m.Cpu->Gpr[Gpr.Rax] = Cr4.PAE | Cr4.PCIDE;
        Assert.Equal("#13(0)", m.Execute(a => a.mov(cr4, eax)));
        using M l = M.Long();
        l.Cpu->Cr3 |= 0x18;
        l.Cpu->Gpr[Gpr.Rax] = Cr4.PAE | Cr4.PCIDE;
        Assert.Equal("#13(0)", l.Execute(a => a.mov(cr4, rax)));
    }

    [Theory]
    [InlineData(0UL, 1UL << 63, "#13(0)")] // bit 63 is reserved without PCIDE
    [InlineData(Cr4.PCIDE, 1UL << 63, "ok")]
    [InlineData(0UL, 1UL << 46, "#13(0)")] // MAXPHYADDR is 46
    [InlineData(0UL, 0UL, "ok")]
    public void Cr3InLongMode(ulong cr4, ulong bits, string expected)
    {
        using M m = M.Long();
        m.Cpu->Cr4 |= cr4;
        m.Cpu->Gpr[Gpr.Rax] = 0x10000 | bits;
        Assert.Equal(expected, m.Execute(a => a.mov(cr3, rax)));
        Assert.Equal(0x10000UL, m.Cpu->Cr3);
    }

    /// <summary>Bits 62:61 turn linear-address masking on, where it is announced (SDM vol. 3, 2.5).</summary>
    [Theory]
    [InlineData("max", 3UL << 61, "ok")]
    [InlineData("max", 1UL << 60, "#13(0)")]
    [InlineData("max", (1UL << 61) | (1UL << 46), "#13(0)")]
    [InlineData("x86-64-v2", 1UL << 61, "#13(0)")]
    [InlineData("x86-64-v2", 1UL << 62, "#13(0)")]
    public void MaskingBitsOfCr3(string model, ulong bits, string expected)
    {
        using M m = M.Long(model: CpuModels.Get(model));
        m.Cpu->Gpr[Gpr.Rax] = 0x10000 | bits;
        Assert.Equal(expected, m.Execute(a => a.mov(cr3, rax)));
        Assert.Equal(0x10000 | (expected == "ok" ? bits : 0), m.Cpu->Cr3);
        m.Cpu->Gpr[Gpr.Rax] = Cr4.PAE | Cr4.LAM_SUP;
        Assert.Equal(model == "max" ? "ok" : "#13(0)", m.Execute(a => a.mov(cr4, rax)));
    }

    [Theory]
    // PDPTE bits 2:1, 8:5 and those above MAXPHYADDR are reserved (SDM vol. 3, table 4-8).
    [InlineData(0x11001UL, "ok")]
    [InlineData(0x11003UL, "#13(0)")]
    [InlineData(0x11021UL, "#13(0)")]
    [InlineData(0x4000_0001_1001UL, "#13(0)")]
    [InlineData(0x11002UL, "ok")] // not present: not checked
    public void PaeLoadsPageDirectoryPointers(ulong pdpte, string expected)
    {
        using M m = M.Protected();
        m.Cpu->Cr4 = Cr4.PAE;
        m.Cpu->Cr3 = 0x10000;
        m.Write(0x10000, 0x11001UL);
        m.Write(0x11000, 0x83UL);
        m.Cpu->Gpr[Gpr.Rax] = Pe | Cr0.PG;
        Assert.Equal("ok", m.Execute(a => a.mov(cr0, eax)));
        m.Write(0x10018, pdpte);
        m.Cpu->Gpr[Gpr.Rax] = 0x10000;
        Assert.Equal(expected, m.Execute(a => a.mov(cr3, eax)));
    }

    [Fact]
    public void Cr8IsTheTaskPriority()
    {
        using M m = M.Long();
        m.Cpu->Gpr[Gpr.Rax] = 0xA;
        Assert.Equal("ok", m.Execute(a => a.mov(cr8, rax)));
        Assert.Equal(0xA0UL, m.Vcpu.LocalApic.Read(0x80));
        Assert.Equal("ok", m.Execute(a => a.mov(rbx, cr8)));
        Assert.Equal(0xAUL, m.Cpu->Gpr[Gpr.Rbx]);
        m.Cpu->Gpr[Gpr.Rax] = 0x10;
        Assert.Equal("#13(0)", m.Execute(a => a.mov(cr8, rax)));
    }

    [Fact]
    public void UserLevelMustNotTouchThem()
    {
        using M m = M.Long(3);
        Assert.Equal("#13(0)", m.Execute(a => a.mov(rax, cr0)));
        Assert.Equal("#13(0)", m.Execute(a => a.mov(cr3, rax)));
        Assert.Equal("#13(0)", m.Execute(a => a.mov(rax, dr0)));
        Assert.Equal("#13(0)", m.Execute(a => a.clts()));
        Assert.Equal("#13(0)", m.Execute(a => a.hlt()));
        Assert.Equal("#13(0)", m.Execute(a => a.invlpg(__[rax])));
        Assert.Equal("#13(0)", m.Execute(a => a.wbinvd()));
        Assert.Equal("#13(0)", m.Execute(a => a.lmsw(ax)));
        Assert.Equal("#13(0)", m.Execute(a => a.lgdt(__[rax])));
        Assert.Equal("#13(0)", m.Execute(a => a.rdmsr()));
        Assert.Equal("#13(0)", m.Execute(a => a.swapgs()));
    }

    [Fact]
    public void LmswSetsButDoesNotClearPe()
    {
        using M m = M.Protected();
        m.Cpu->Gpr[Gpr.Rax] = Cr0.TS;
        Assert.Equal("ok", m.Execute(a => a.lmsw(ax)));
        Assert.Equal(Cr0.PE | Cr0.TS, m.Cpu->Cr0 & (Cr0.PE | Cr0.TS));
        Assert.Equal("ok", m.Execute(a => a.clts()));
        Assert.Equal(0UL, m.Cpu->Cr0 & Cr0.TS);
    }

    [Theory]
    [InlineData(7, 1UL << 32, "#13(0)")]
    [InlineData(6, 1UL << 32, "#13(0)")]
    [InlineData(7, 0xFFFF_FFFFUL, "ok")]
    public void DebugRegisterWrites(int number, ulong value, string expected)
    {
        using M m = M.Long();
        m.Cpu->Gpr[Gpr.Rax] = value;
        Assert.Equal(expected, number == 7 ? m.Execute(a => a.mov(dr7, rax)) : m.Execute(a => a.mov(dr6, rax)));
        if (expected == "ok") Assert.Equal(Dr7.Fixed1, m.Cpu->Dr7 & (Dr7.Fixed1 | 0xD000 | 0x800));
    }

    [Fact]
    public void GeneralDetectAndAliases()
    {
        using M m = M.Long();
        m.Cpu->Dr6 = Dr6.Fixed1 | Dr6.BS;
        Assert.Equal("ok", m.Execute(0x0F, 0x21, 0xE0)); // mov rax, dr4
        Assert.Equal(Dr6.Fixed1 | Dr6.BS, m.Cpu->Gpr[Gpr.Rax]);
        m.Cpu->Dr7 |= Dr7.GD;
        Assert.Equal("#1", m.Execute(a => a.mov(rax, dr0)));
        Assert.NotEqual(0UL, m.Cpu->Dr6 & Dr6.BD);
        m.Cpu->Cr4 |= Cr4.DE;
        Assert.Equal("#6", m.Execute(0x0F, 0x21, 0xE0));
    }

    [Theory]
    [InlineData(0UL, 0UL, 0x5000UL, "ok")]
    [InlineData(0UL, 1UL, 0UL, "#13(0)")] // a PCID without CR4.PCIDE
    [InlineData(0UL, 0UL, 0x8000_0000_0000UL, "#13(0)")]
    [InlineData(2UL, 0x1000UL, 0UL, "#13(0)")] // reserved bits of the descriptor
    [InlineData(3UL, 0UL, 0UL, "ok")]
    [InlineData(4UL, 0UL, 0UL, "#13(0)")]
    public void Invpcid(ulong type, ulong pcid, ulong address, string expected)
    {
        using M m = M.Long();
        m.Write(0x4800, pcid);
        m.Write(0x4808, address);
        m.Cpu->Gpr[Gpr.Rax] = type;
        m.Cpu->Gpr[Gpr.Rbx] = 0x4800;
        Assert.Equal(expected, m.Execute(a => a.invpcid(rax, __[rbx])));
    }
}
