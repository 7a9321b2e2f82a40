using Vitrine.Accelerators;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.SystemMachine;

namespace Vitrine.Tests.Software;

/// <summary>PKRU and IA32_PKRS: RDPKRU, WRPKRU, WRMSR, XSAVE, CR4 and CPUID (SDM vol. 2; vol. 1, 13.5.7; vol. 3, 2.7 and 4.6.2).</summary>
public sealed unsafe class ProtectionKeyRegisterTests
{
    // SAFETY: machines outlive the pointers taken from them.
    private const ulong Area = 0x40000;
    private const uint Value = 0x5555_5554;

    [Theory]
    // CR4.PKE, ECX, EDX -> RDPKRU, WRPKRU
    [InlineData(false, 0UL, 0UL, "#6", "#6")]
    [InlineData(true, 0UL, 0UL, "ok", "ok")]
    [InlineData(true, 1UL, 0UL, "#13(0)", "#13(0)")]
    [InlineData(true, 0UL, 1UL, "ok", "#13(0)")]
    [InlineData(true, 1UL << 32, 1UL << 32, "ok", "ok")] // the upper halves don't count
    public void Instructions(bool enabled, ulong rcx, ulong rdx, string read, string write)
    {
        foreach (int cpl in (ReadOnlySpan<int>)[0, 3])
        {
            using M m = M.Long(cpl, CpuModels.Max);
            if (enabled) m.Cpu->Cr4 |= Cr4.PKE;
            (m.Cpu->Gpr[Gpr.Rcx], m.Cpu->Gpr[Gpr.Rdx], m.Cpu->Gpr[Gpr.Rax]) = (rcx, rdx, Value | (7UL << 40));
            Assert.Equal(write, m.Execute(a => a.wrpkru()));
            Assert.Equal(read, m.Execute(a => a.rdpkru()));
            if (read != "ok") continue;
            ulong expected = write == "ok" ? Value : 0;
            Assert.Equal((expected, rcx, 0UL), (m.Cpu->Gpr[Gpr.Rax], m.Cpu->Gpr[Gpr.Rcx], m.Cpu->Gpr[Gpr.Rdx]));
        }
    }

    [Fact]
    public void LockIsUndefined()
    {
        using M m = M.Long(0, CpuModels.Max);
        m.Cpu->Cr4 |= Cr4.PKE;
        Assert.Equal("#6", m.Execute(0xF0, 0x0F, 0x01, 0xEE));
        Assert.Equal("#6", m.Execute(0xF0, 0x0F, 0x01, 0xEF));
    }

    [Theory]
    [InlineData("max", Cr4.PKE, "ok")]
    [InlineData("max", Cr4.PKS, "ok")]
    [InlineData("x86-64-v2", Cr4.PKE, "#13(0)")]
    [InlineData("x86-64-v2", Cr4.PKS, "#13(0)")]
    public void ControlBits(string model, ulong bit, string expected)
    {
        using M m = M.Long(0, CpuModels.Get(model));
        m.Cpu->Gpr[Gpr.Rax] = Cr4.PAE | bit;
        Assert.Equal(expected, m.Execute(a => a.mov(cr4, rax)));
    }

    [Theory]
    [InlineData("max", 0xFFFF_FFFFUL, "ok")]
    [InlineData("max", 0x1_0000_0000UL, "#13(0)")]
    [InlineData("x86-64-v2", 0UL, "#13(0)")]
    public void SupervisorRegister(string model, ulong value, string expected)
    {
        using M m = M.Long(0, CpuModels.Get(model));
        (m.Cpu->Gpr[Gpr.Rcx], m.Cpu->Gpr[Gpr.Rdx], m.Cpu->Gpr[Gpr.Rax]) = (Msr.IA32_PKRS, value >> 32, (uint)value);
        Assert.Equal(expected, m.Execute(a => a.wrmsr()));
        m.Cpu->Gpr[Gpr.Rax] = 0;
        Assert.Equal(model == "max" ? "ok" : expected, m.Execute(a => a.rdmsr()));
        if (expected == "ok") Assert.Equal(value, m.Cpu->Gpr[Gpr.Rax]);
    }

    [Fact]
    public void CpuidFollowsPke()
    {
        const ulong Pku = 1 << 3, Ospke = 1 << 4;
        using M m = M.Long(3, CpuModels.Max);
        foreach (bool enabled in (ReadOnlySpan<bool>)[false, true])
        {
            if (enabled) m.Cpu->Cr4 |= Cr4.PKE;
            (m.Cpu->Gpr[Gpr.Rax], m.Cpu->Gpr[Gpr.Rcx]) = (7, 0);
            Assert.Equal("ok", m.Execute(a => a.cpuid()));
            Assert.Equal(enabled ? Pku | Ospke : Pku, m.Cpu->Gpr[Gpr.Rcx] & (Pku | Ospke));
        }
    }

    /// <summary>XCR0[9] needs no other component but x87. It counts in the sizes of leaf 0xD.</summary>
    [Theory]
    [InlineData(0x201UL, 840UL)]
    [InlineData(0x203UL, 840UL)]
    [InlineData(0x3UL, 576UL)]
    public void XcrZeroTakesTheComponent(ulong value, ulong size)
    {
        using M m = M.Long(0, CpuModels.Max);
        m.Cpu->Cr4 |= Cr4.OSXSAVE;
        (m.Cpu->Gpr[Gpr.Rcx], m.Cpu->Gpr[Gpr.Rdx], m.Cpu->Gpr[Gpr.Rax]) = (0, 0, value);
        Assert.Equal("ok", m.Execute(a => a.xsetbv()));
        (m.Cpu->Gpr[Gpr.Rcx], m.Cpu->Gpr[Gpr.Rax]) = (0, 0xD);
        m.Execute(a => a.cpuid());
        Assert.Equal((0x203UL, size, 840UL), (m.Cpu->Gpr[Gpr.Rax] & 0x203, m.Cpu->Gpr[Gpr.Rbx], m.Cpu->Gpr[Gpr.Rcx]));
    }

    /// <summary>
    /// XSAVE writes PKRU at the offset that CPUID gives, whatever CR4.PKE is, XRSTOR takes it from there, and XSTATE_BV follows its use: the
    /// initial state is 0.
    /// </summary>
    [Theory]
    [InlineData(Value, 0x200UL)]
    [InlineData(0u, 0UL)]
    public void SaveAndRestore(uint value, ulong used)
    {
        using M m = Saving();
        m.Cpu->Pkru = value;
        m.Write(Area + 832, ulong.MaxValue);
        Assert.Equal("ok", m.Execute(0x48, 0x0F, 0xAE, 0x27)); // XSAVE64 [RDI]
        Assert.Equal(used, m.Read(Area + 512, 8));
        Assert.Equal(value, m.Read(Area + 832, 8));
        m.Cpu->Pkru = 0xFFFF_0000;
        Assert.Equal("ok", m.Execute(0x48, 0x0F, 0xAE, 0x2F)); // XRSTOR64 [RDI]
        Assert.Equal(value, m.Cpu->Pkru);

        // A mask without it leaves it alone.
        m.Cpu->Pkru = 1;
        m.Cpu->Gpr[Gpr.Rax] = 2;
        Assert.Equal("ok", m.Execute(0x48, 0x0F, 0xAE, 0x2F));
        Assert.Equal(1u, m.Cpu->Pkru);
    }

    /// <summary>XSAVEOPT leaves the bytes of a component in its initial state alone.</summary>
    [Fact]
    public void OptimizedSave()
    {
        using M m = Saving();
        m.Write(Area + 832, 0x1234UL);
        m.Write(Area + 512, 0x200UL);
        Assert.Equal("ok", m.Execute(0x48, 0x0F, 0xAE, 0x37)); // XSAVEOPT64 [RDI]
        Assert.Equal((0UL, 0x1234UL), (m.Read(Area + 512, 8), m.Read(Area + 832, 8)));
    }

    [Fact]
    public void TheyAreState()
    {
        using M m = M.Long(0, CpuModels.Max);
        ProcessorState state = new();
        m.Vcpu.GetState(state);
        Assert.Equal(0UL, state.Msrs[Msr.IA32_PKRS]);
        (state.Pkru, state.Msrs[Msr.IA32_PKRS]) = (Value, 0x10);
        m.Vcpu.PutState(state, PutLevel.Runtime);
        ProcessorState other = new();
        m.Vcpu.GetState(other);
        Assert.Equal((Value, 0x10UL), (other.Pkru, other.Msrs[Msr.IA32_PKRS]));

        // RESET clears both (SDM vol. 3, table 9-1), INIT neither.
        ResetState.ApplyInit(other, 0);
        Assert.Equal((Value, 0x10UL), (other.Pkru, other.Msrs[Msr.IA32_PKRS]));
        ResetState.Apply(other, 0, 0);
        Assert.Equal((0u, 0UL), (other.Pkru, other.Msrs[Msr.IA32_PKRS]));
    }

    private static M Saving()
    {
        M m = M.Long(0, CpuModels.Max);
        m.Cpu->Cr4 |= Cr4.OSXSAVE;
        m.Cpu->Xcr0 = 0x203;
        (m.Cpu->Gpr[Gpr.Rdi], m.Cpu->Gpr[Gpr.Rax], m.Cpu->Gpr[Gpr.Rdx]) = (Area, 0x200, 0);
        return m;
    }
}
