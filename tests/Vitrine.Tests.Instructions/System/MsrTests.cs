using Vitrine.Accelerators;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.SystemMachine;

namespace Vitrine.Tests.Software;

/// <summary>RDMSR and WRMSR, and the fast system calls that live on them: SDM vol. 2 and vol. 4.</summary>
public sealed unsafe class MsrTests
{
    // SAFETY: machines outlive the pointers taken from them.
    private const ulong NotCanonical = 0x8000_0000_0000;
    private const ulong High = 0xFFFF_8000_0000_0000;

    [Theory]
    [InlineData(Msr.IA32_LSTAR, High, true)]
    [InlineData(Msr.IA32_LSTAR, NotCanonical, false)]
    [InlineData(Msr.IA32_CSTAR, NotCanonical, false)]
    [InlineData(Msr.IA32_FS_BASE, NotCanonical, false)]
    [InlineData(Msr.IA32_GS_BASE, High, true)]
    [InlineData(Msr.IA32_KERNEL_GS_BASE, NotCanonical, false)]
    [InlineData(Msr.IA32_SYSENTER_EIP, NotCanonical, false)]
    [InlineData(Msr.IA32_SYSENTER_ESP, High, true)]
    [InlineData(Msr.IA32_FMASK, 0x1_0000_0000UL, false)]
    [InlineData(Msr.IA32_STAR, 0x0023_0010_0000_0000UL, true)]
    [InlineData(Msr.IA32_TSC_AUX, 0x1_0000_0000UL, false)]
    [InlineData(Msr.IA32_PAT, 0x0007_0406_0007_0406UL, true)]
    [InlineData(Msr.IA32_PAT, 0x0007_0406_0007_0402UL, false)] // type 2 is reserved
    [InlineData(Msr.IA32_PAT, 0x0807_0406_0007_0406UL, false)]
    [InlineData(Msr.IA32_MTRR_DEF_TYPE, 0xC06UL, true)]
    [InlineData(Msr.IA32_MTRR_DEF_TYPE, 0x1000UL, false)]
    [InlineData(Msr.IA32_MTRR_DEF_TYPE, 7UL, false)] // UC- is for the PAT only
    [InlineData(Msr.IA32_MTRR_PHYSBASE0, 0x8000_0006UL, true)]
    [InlineData(Msr.IA32_MTRR_PHYSBASE0 + 1, 0x3FFF_8000_0800UL, true)]
    [InlineData(Msr.IA32_MTRR_PHYSBASE0 + 1, 0x7FFF_8000_0800UL, false)] // beyond MAXPHYADDR
    [InlineData(Msr.IA32_MTRR_FIX64K_00000, 0x0606_0606_0606_0606UL, true)]
    [InlineData(Msr.IA32_MTRRCAP, 0x508UL, false)]
    [InlineData(Msr.IA32_FEATURE_CONTROL, 1UL, false)]
    [InlineData(Msr.IA32_SPEC_CTRL, 0UL, false)] // not announced
    [InlineData(0x1234_5678u, 0UL, false)]
    public void Writes(uint index, ulong value, bool valid)
    {
        using M m = M.Long();
        m.Cpu->Gpr[Gpr.Rcx] = index;
        m.Cpu->Gpr[Gpr.Rax] = (uint)value | 0xDEAD_0000_0000_0000; // the upper halves don't count
        m.Cpu->Gpr[Gpr.Rdx] = (value >> 32) | 0xDEAD_0000_0000_0000;
        Assert.Equal(valid ? "ok" : "#13(0)", m.Execute(a => a.wrmsr()));
        if (!valid) return;
        Assert.Equal("ok", m.Execute(a => a.rdmsr()));
        Assert.Equal((value & uint.MaxValue, value >> 32), (m.Cpu->Gpr[Gpr.Rax], m.Cpu->Gpr[Gpr.Rdx]));
    }

    [Theory]
    [InlineData(Efer.SCE | Efer.LME | Efer.NXE, "ok")]
    [InlineData(Efer.SCE | Efer.LME | Efer.LMA, "ok")] // LMA is read-only: ignored
    [InlineData(Efer.SCE, "#13(0)")] // LME while paging
    [InlineData(Efer.LME | (1UL << 12), "#13(0)")] // SVME
    public void ExtendedFeatures(ulong value, string expected)
    {
        using M m = M.Long();
        m.Cpu->Gpr[Gpr.Rcx] = Msr.IA32_EFER;
        m.Cpu->Gpr[Gpr.Rax] = value;
        m.Cpu->Gpr[Gpr.Rdx] = 0;
        Assert.Equal(expected, m.Execute(a => a.wrmsr()));
        Assert.NotEqual(0UL, m.Cpu->Efer & Efer.LMA);
    }

    [Theory]
    // EN and EXTD of IA32_APIC_BASE (SDM vol. 3, 11.12.1): enabled xAPIC to x2APIC, but not straight to EXTD without EN.
    [InlineData(0xFEE0_0D00UL, "ok")]
    [InlineData(0xFEE0_0500UL, "#13(0)")]
    [InlineData(0xFEE0_0900UL, "ok")]
    public void ApicBase(ulong value, string expected)
    {
        using M m = M.Long();
        m.Cpu->Gpr[Gpr.Rcx] = Msr.IA32_APIC_BASE;
        m.Cpu->Gpr[Gpr.Rax] = value;
        m.Cpu->Gpr[Gpr.Rdx] = 0;
        Assert.Equal(expected, m.Execute(a => a.wrmsr()));
        if (value != 0xFEE0_0D00) return;
        m.Cpu->Gpr[Gpr.Rcx] = 0x802; // APIC id
        Assert.Equal("ok", m.Execute(a => a.rdmsr()));
        Assert.Equal(ulong.MaxValue, m.Vcpu.Processor.Bus.LocalApicPage);
    }

    [Fact]
    public void X2ApicRegistersNeedX2ApicMode()
    {
        using M m = M.Long();
        m.Cpu->Gpr[Gpr.Rcx] = 0x802;
        Assert.Equal("#13(0)", m.Execute(a => a.rdmsr()));
    }

    [Fact]
    public void SyscallAndSysret()
    {
        using M m = M.Long(3);
        m.Cpu->Star = 0x0023_0010UL << 32;
        m.Cpu->Lstar = M.Handler;
        m.Cpu->Fmask = Rflags.IF | Rflags.TF;
        m.Rflags = Rflags.Fixed | Rflags.IF | Rflags.CF;
        Assert.Equal("ok", m.Execute(a => a.syscall()));
        Assert.Equal((M.Handler, M.Code + 2), (m.Cpu->Rip, m.Cpu->Gpr[Gpr.Rcx]));
        Assert.Equal((Rflags.Fixed | Rflags.IF | Rflags.CF, Rflags.Fixed | Rflags.CF), (m.Cpu->Gpr[11], m.Rflags));
        Assert.Equal(((ushort)0x10, (ushort)0x18, 0u, M.UserStack), (m.Selector(Seg.Cs), m.Selector(Seg.Ss), m.Cpu->Cpl, m.Rsp));
        Assert.Equal((0xA09Bu, 0xC093u), (m.Cpu->Segments[Seg.Cs].Access, m.Cpu->Segments[Seg.Ss].Access));
        Assert.Equal("ok", m.Execute(a => a.sysretq()));
        Assert.Equal((M.Code + 2, Rflags.Fixed | Rflags.IF | Rflags.CF), (m.Cpu->Rip, m.Rflags));
        Assert.Equal(((ushort)0x33, (ushort)0x2B, 3u), (m.Selector(Seg.Cs), m.Selector(Seg.Ss), m.Cpu->Cpl));
    }

    [Fact]
    public void SysretToNonCanonicalFaultsAtLevel0()
    {
        using M m = M.Long();
        m.Cpu->Gpr[Gpr.Rcx] = NotCanonical;
        Assert.Equal("#13(0)", m.Execute(a => a.sysretq()));
        Assert.Equal(0u, m.Cpu->Cpl);
        m.Cpu->Efer &= ~Efer.SCE;
        Assert.Equal("#6", m.Execute(a => a.sysretq()));
        Assert.Equal("#6", m.Execute(a => a.syscall()));
    }

    [Fact]
    public void SyscallOutside64BitModeIsInvalid()
    {
        using M m = M.Protected(3);
        m.Cpu->Efer = Efer.SCE;
        Assert.Equal("#6", m.Execute(a => a.syscall()));
    }

    [Fact]
    public void SysenterAndSysexit()
    {
        using M m = M.Protected(3);
        Assert.Equal("#13(0)", m.Execute(a => a.sysenter()));
        m.Cpu->SysenterCs = M.Code0;
        m.Cpu->SysenterEip = M.Handler;
        m.Cpu->SysenterEsp = M.InnerStack;
        m.Rflags = Rflags.Fixed | Rflags.IF;
        Assert.Equal("ok", m.Execute(a => a.sysenter()));
        Assert.Equal((M.Handler, M.InnerStack, 0u, Rflags.Fixed), (m.Cpu->Rip, m.Rsp, m.Cpu->Cpl, m.Rflags));
        Assert.Equal(((ushort)8, (ushort)0x10), (m.Selector(Seg.Cs), m.Selector(Seg.Ss)));
        m.Cpu->Gpr[Gpr.Rcx] = M.UserStack;
        m.Cpu->Gpr[Gpr.Rdx] = M.Code;
        Assert.Equal("ok", m.Execute(0x0F, 0x35));
        Assert.Equal((M.Code, M.UserStack, 3u), (m.Cpu->Rip, m.Rsp, m.Cpu->Cpl));
        Assert.Equal(((ushort)0x1B, (ushort)0x23), (m.Selector(Seg.Cs), m.Selector(Seg.Ss)));
    }

    [Fact]
    public void SegmentBases()
    {
        using M m = M.Long();
        Assert.Equal("#6", m.Execute(a => a.rdfsbase(rax)));
        m.Cpu->Cr4 |= Cr4.FSGSBASE;
        m.Cpu->Gpr[Gpr.Rbx] = NotCanonical;
        Assert.Equal("#13(0)", m.Execute(a => a.wrgsbase(rbx)));
        m.Cpu->Gpr[Gpr.Rbx] = High;
        Assert.Equal("ok", m.Execute(a => a.wrgsbase(rbx)));
        m.Cpu->KernelGsBase = 0x1234;
        Assert.Equal("ok", m.Execute(a => a.swapgs()));
        Assert.Equal((0x1234UL, High), (m.Cpu->Segments[Seg.Gs].Base, m.Cpu->KernelGsBase));
        Assert.Equal("ok", m.Execute(a => a.rdgsbase(ecx)));
        Assert.Equal(0x1234UL, m.Cpu->Gpr[Gpr.Rcx]);
    }

    /// <summary>It begins as 0, follows what the guest does to its counter, and moves the counter when it is written (SDM vol. 3, 18.17.3).</summary>
    [Fact]
    public void TimeStampAdjustIsTheGuestsOwn()
    {
        const ulong Moved = 1_000_000_000_000_000;
        const ulong Meanwhile = Moved / 100;
        using M m = M.Long();
        m.Vcpu.SetCpuid(CpuModels.X8664V2.Build(new CpuidEnvironment(), 1));
        Assert.Equal(0UL, Read(m, Msr.IA32_TSC_ADJUST));
        ulong start = Read(m, Msr.IA32_TIME_STAMP_COUNTER);
        Write(m, Msr.IA32_TIME_STAMP_COUNTER, start + Moved);
        Assert.InRange(Read(m, Msr.IA32_TSC_ADJUST), Moved - Meanwhile, Moved);
        Write(m, Msr.IA32_TSC_ADJUST, 2 * Moved);
        Assert.InRange(Read(m, Msr.IA32_TIME_STAMP_COUNTER), start + (2 * Moved), start + (2 * Moved) + Meanwhile);
        ProcessorState state = new();
        m.Vcpu.GetState(state);
        state.Msrs[Msr.IA32_TIME_STAMP_COUNTER] = 0;
        m.Vcpu.PutState(state, PutLevel.Reset);
        Assert.Equal(2 * Moved, Read(m, Msr.IA32_TSC_ADJUST));
        Assert.InRange(Read(m, Msr.IA32_TIME_STAMP_COUNTER), 0UL, Meanwhile);
    }

    [Fact]
    public void TimeStampDisable()
    {
        using M m = M.Long(3);
        Assert.Equal("ok", m.Execute(a => a.rdtsc()));
        m.Cpu->Cr4 |= Cr4.TSD;
        Assert.Equal("#13(0)", m.Execute(a => a.rdtsc()));
        Assert.Equal("#13(0)", m.Execute(a => a.rdtscp()));
    }

    /// <summary>SDM vol. 4, table 2-2: what can be written, what only read (bits 7, 11 and 12), and what is reserved.</summary>
    [Theory]
    [InlineData(0UL, 0x1800UL)]
    [InlineData(0x1889UL, 0x1809UL)] // there is no performance monitoring to announce
    [InlineData(1UL << 16, 0x1_1800UL)]
    [InlineData(1UL << 18, 0x4_1800UL)]
    [InlineData(1UL << 22, 0x40_1800UL)]
    [InlineData(1UL << 23, 0x80_1800UL)]
    [InlineData(1UL << 34, 0x4_0000_1800UL)]
    [InlineData(0x4_00C5_1809UL, 0x4_00C5_1809UL)]
    public void MiscEnableKeeps(ulong written, ulong read)
    {
        using M m = M.Long();
        Assert.Equal(0x1801UL, Read(m, Msr.IA32_MISC_ENABLE));
        Write(m, Msr.IA32_MISC_ENABLE, written);
        Assert.Equal(read, Read(m, Msr.IA32_MISC_ENABLE));
    }

    [Fact]
    public void MiscEnableHasReservedBits()
    {
        const ulong Defined = 0x4_00C5_1889;
        using M m = M.Long();
        for (int bit = 0; bit < 64; bit++)
        {
            if ((Defined & (1UL << bit)) == 0) Assert.Equal((bit, "#13(0)"), (bit, TryWrite(m, Msr.IA32_MISC_ENABLE, 0x1801 | (1UL << bit))));
        }

        // Without SSE3 bit 18 must stay as it is.
        using M old = M.Long(model: CpuModels.X8664V1);
        Assert.Equal("#13(0)", TryWrite(old, Msr.IA32_MISC_ENABLE, 0x4_1801));
        Assert.Equal("ok", TryWrite(old, Msr.IA32_MISC_ENABLE, 0x1800));
    }

    [Fact]
    public void MiscEnableLimitsCpuid()
    {
        using M m = M.Long();
        CpuidEntry all = Identify(m, 2, 0);
        Write(m, Msr.IA32_MISC_ENABLE, MiscEnable.LimitCpuid);
        CpuidEntry lowest = Identify(m, 0, 0);
        Assert.Equal((2u, 0x756E_6547u), (lowest.Eax, lowest.Ebx));
        foreach (uint leaf in (ReadOnlySpan<uint>)[2, 3, 4, 7, 0xD, 0x16, 0x3FFF_FFFF])
            Assert.Equal((all.Eax, all.Ebx, all.Ecx, all.Edx), Words(Identify(m, leaf, 0)));
        Assert.Equal(0x8000_0008u, Identify(m, 0x8000_0000, 0).Eax);
        Assert.NotEqual(0u, Identify(m, 1, 0).Edx);

        // What leaf 7 would say of CR4 is not said by the leaf that answers for it.
        m.Cpu->Cr4 |= Cr4.PKE;
        Assert.Equal((all.Eax, all.Ebx, all.Ecx, all.Edx), Words(Identify(m, 7, 0)));
        Write(m, Msr.IA32_MISC_ENABLE, 0);
        Assert.Equal(0x16u, Identify(m, 0, 0).Eax);
        Assert.NotEqual(0u, Identify(m, 7, 0).Ebx);
    }

    [Fact]
    public void MiscEnableTakesExecuteDisableAway()
    {
        const uint Nx = 1u << 20;
        using M m = M.Long();
        Assert.Equal(Nx, Identify(m, 0x8000_0001, 0).Edx & Nx);
        Write(m, Msr.IA32_MISC_ENABLE, MiscEnable.ExecuteDisableOff);
        Assert.Equal(0u, Identify(m, 0x8000_0001, 0).Edx & Nx);
        Assert.Equal("#13(0)", TryWrite(m, Msr.IA32_EFER, Efer.SCE | Efer.LME | Efer.NXE));
        Write(m, Msr.IA32_MISC_ENABLE, 0);
        Assert.Equal("ok", TryWrite(m, Msr.IA32_EFER, Efer.SCE | Efer.LME | Efer.NXE));
    }

    /// <summary>RESET clears what the guest has set, and the register is part of the state.</summary>
    [Fact]
    public void MiscEnableIsState()
    {
        using M m = M.Long();
        Write(m, Msr.IA32_MISC_ENABLE, MiscEnable.LimitCpuid);
        ProcessorState state = new();
        m.Vcpu.GetState(state);
        Assert.Equal(0x40_1800UL, state.Msrs[Msr.IA32_MISC_ENABLE]);
        ResetState.Apply(state, 0, 0);
        m.Vcpu.PutState(state, PutLevel.Reset);
        m.Vcpu.GetState(state);
        Assert.Equal(0x1801UL, state.Msrs[Msr.IA32_MISC_ENABLE]);
    }

    [Theory]
    [InlineData(false, 0u, 3UL, "#6")]
    [InlineData(true, 1u, 3UL, "#13(0)")]
    [InlineData(true, 0u, 2UL, "#13(0)")] // x87 can't be off
    [InlineData(true, 0u, 7UL, "#13(0)")] // AVX is not announced
    [InlineData(true, 0u, 3UL, "ok")]
    public void Xsetbv(bool enabled, uint index, ulong value, string expected)
    {
        using M m = M.Long();
        if (enabled) m.Cpu->Cr4 |= Cr4.OSXSAVE;
        m.Cpu->Gpr[Gpr.Rcx] = index;
        m.Cpu->Gpr[Gpr.Rax] = value;
        m.Cpu->Gpr[Gpr.Rdx] = 0;
        Assert.Equal(expected, m.Execute(a => a.xsetbv()));
    }

    [Fact]
    public void CpuidFollowsOsxsave()
    {
        using M m = M.Long(3);
        m.Cpu->Gpr[Gpr.Rax] = 1;
        m.Execute(a => a.cpuid());
        Assert.Equal(0UL, m.Cpu->Gpr[Gpr.Rcx] & (1 << 27));
        m.Cpu->Cr4 |= Cr4.OSXSAVE;
        m.Cpu->Gpr[Gpr.Rax] = 1;
        m.Execute(a => a.cpuid());
        Assert.NotEqual(0UL, m.Cpu->Gpr[Gpr.Rcx] & (1 << 27));
    }

    private static ulong Read(M m, uint index)
    {
        m.Cpu->Gpr[Gpr.Rcx] = index;
        Assert.Equal("ok", m.Execute(a => a.rdmsr()));
        return (m.Cpu->Gpr[Gpr.Rdx] << 32) | m.Cpu->Gpr[Gpr.Rax];
    }

    private static void Write(M m, uint index, ulong value) => Assert.Equal("ok", TryWrite(m, index, value));

    private static RunResult TryWrite(M m, uint index, ulong value)
    {
        m.Cpu->Gpr[Gpr.Rcx] = index;
        m.Cpu->Gpr[Gpr.Rdx] = value >> 32;
        m.Cpu->Gpr[Gpr.Rax] = value & uint.MaxValue;
        return m.Execute(a => a.wrmsr());
    }

    private static CpuidEntry Identify(M m, uint leaf, uint subleaf)
    {
        m.Cpu->Gpr[Gpr.Rax] = leaf;
        m.Cpu->Gpr[Gpr.Rcx] = subleaf;
        Assert.Equal("ok", m.Execute(a => a.cpuid()));
        return new(leaf, subleaf, false, (uint)m.Cpu->Gpr[Gpr.Rax], (uint)m.Cpu->Gpr[Gpr.Rbx], (uint)m.Cpu->Gpr[Gpr.Rcx], (uint)m.Cpu->Gpr[Gpr.Rdx]);
    }

    private static (uint, uint, uint, uint) Words(CpuidEntry entry) => (entry.Eax, entry.Ebx, entry.Ecx, entry.Edx);
}
