using System.Collections.Immutable;
using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Parts;

/// <summary>Model-specific registers as KVM's calls and KVM's guests see them (Documentation/virt/kvm/x86/msr.rst, api.rst 4.97 and 5, SDM vol. 4).</summary>
public abstract class ClientMsrTests(SoftwareEngine engine)
{
    public sealed class Interpreted() : ClientMsrTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : ClientMsrTests(SoftwareEngine.Translator);

    private const ulong ClockPage = 0x40_0000;
    private const int GeneralProtection = 13;

    [Theory]
    [InlineData(Msr.IA32_TIME_STAMP_COUNTER)]
    [InlineData(Msr.IA32_TSC_ADJUST)]
    [InlineData(Msr.IA32_SPEC_CTRL)]
    [InlineData(Msr.IA32_ARCH_CAPABILITIES)]
    [InlineData(Msr.IA32_FEATURE_CONTROL)]
    [InlineData(Msr.IA32_BIOS_SIGN_ID)]
    [InlineData(Msr.IA32_MISC_ENABLE)]
    [InlineData(Msr.IA32_MCG_STATUS)]
    [InlineData(Msr.IA32_MCG_CTL)]
    [InlineData(Msr.IA32_MC0_CTL)]
    [InlineData(Msr.IA32_MC0_CTL + 127)]
    [InlineData(Msr.IA32_PAT)]
    [InlineData(Msr.IA32_KERNEL_GS_BASE)]
    [InlineData(0x9Eu)]
    [InlineData(0x34u)]
    [InlineData(0x11u)]
    [InlineData(0x4B564D01u)]
    public void WhatIsPutComesBack(uint index)
    {
        using M m = new(engine: engine);
        const ulong Value = 0x0000_0406_0006_0400;
        Assert.True(m.Vcpu.Parts.TryWriteMsr(index, Value));
        Assert.True(m.Vcpu.Parts.TryReadMsr(index, out ulong value));
        if (index == Msr.IA32_TIME_STAMP_COUNTER) Assert.InRange(value, Value, Value + 60_000_000_000);
        else Assert.Equal(Value, value);
    }

    [Theory]
    [InlineData(0xC001_0000u)]
    [InlineData(0xC001_0007u)]
    [InlineData(0xC001_0200u)]
    [InlineData(0xC001_020Bu)]
    public void PerformanceCountersOfAmdReadZeroWhereCpuidIsAmds(uint index)
    {
        using M m = new(engine: engine);
        Assert.Equal(GeneralProtection, Handler(m, a => Write(a, index, 5)));
        using M amd = new(engine: engine);
        amd.Vcpu.SetCpuid([.. CpuModels.X8664V2.Build(new CpuidEnvironment(), 0).Select(static entry =>
            entry is { Function: 0 } ? entry with { Ebx = 0x68747541, Edx = 0x69746E65, Ecx = 0x444D4163 } : entry)]);
        Assert.Null(Handler(amd, a =>
        {
            Write(a, index, 5);
            Read(a, index);
        }));
        Assert.Equal((0UL, 0UL), (amd[Gpr.Rax], amd[Gpr.Rdx]));
        Assert.True(m.Vcpu.Parts.TryReadMsr(index, out ulong value));
        Assert.Equal(0UL, value);
    }

    /// <summary>What KVM may tell by memory and never does here: the guest gives an address, and reserved bits are #GP(0) (Documentation/virt/kvm/x86/msr.rst).</summary>
    [Theory]
    [InlineData(0x4B564D02u, 0x10UL)]
    [InlineData(0x4B564D03u, 0x02UL)]
    [InlineData(0x4B564D04u, 0x02UL)]
    public void OffersThatAreNeverMadeUseOfAreKept(uint index, ulong reserved)
    {
        using M m = new(engine: engine);
        const ulong Address = 0x4000;
        Assert.True(m.Vcpu.Parts.TryWriteMsr(index, Address | 1));
        Assert.True(m.Vcpu.Parts.TryReadMsr(index, out ulong value));
        Assert.Equal(Address | 1, value);
        Assert.Equal(GeneralProtection, Handler(m, a => Write(a, index, (uint)reserved)));
    }

    [Fact]
    public void UnknownOnesAreRefused()
    {
        using M m = new(engine: engine);
        foreach (uint index in (uint[])[0x12345678, 0x4B564D06, 0x4B564D07, 0x4B564D08])
        {
            Assert.False(m.Vcpu.Parts.TryReadMsr(index, out _));
            Assert.False(m.Vcpu.Parts.TryWriteMsr(index, 0));
        }
    }

    [Fact]
    public void TheGuestSeesTheBanksThatAreSetUp()
    {
        using M m = new(engine: engine);
        Assert.Equal(GeneralProtection, Handler(m, a => Read(a, Msr.IA32_MC0_CTL)));
        m.Vcpu.Parts.SetMachineCheck(10 | (1 << 8));
        Assert.Null(Handler(m, a => Read(a, Msr.IA32_MCG_CAP)));
        Assert.Equal(10UL | (1 << 8), m[Gpr.Rax]);
        Assert.Null(Handler(m, a => Read(a, Msr.IA32_MC0_CTL + (9 * 4))));
        Assert.Equal((0xFFFF_FFFFUL, 0xFFFF_FFFFUL), (m[Gpr.Rax], m[Gpr.Rdx]));
        Assert.Equal(GeneralProtection, Handler(m, a => Read(a, Msr.IA32_MC0_CTL + (10 * 4))));
        Assert.Equal(GeneralProtection, Handler(m, a => Write(a, Msr.IA32_MC0_CTL + 1, 1)));
        Assert.Null(Handler(m, a => Write(a, Msr.IA32_MC0_CTL + 1, 0)));
    }

    [Theory]
    [InlineData(39)]
    [InlineData(48)]
    [InlineData(52)]
    public void PhysicalAddressesAreAsWideAsCpuidSays(int bits)
    {
        using M m = Kvm(bits);
        ulong highest = (((1UL << bits) - 1) & ~0xFFFUL) | 0x800;
        Assert.Null(Handler(m, a => Write(a, Msr.IA32_MTRR_PHYSBASE0 + 1, highest)));
        Assert.Equal(GeneralProtection, Handler(m, a => Write(a, Msr.IA32_MTRR_PHYSBASE0 + 1, (1UL << bits) | 0x800)));
        m.Map(0x20_0000, 1UL << (bits - 1), M.P | M.W);
        m.Map(0x21_0000, 1UL << bits, M.P | M.W);
        m.Answer = static (_, _) => 0x77;
        Assert.Equal("ok", m.Run(a => a.mov(rax, __qword_ptr[0x20_0000])));
        Assert.Equal($"r8 {1UL << (bits - 1):x}", string.Join('|', m.Accesses));
        m.State.Gpr[Gpr.Rsp] = M.KernelStack;
        Assert.Equal(bits == 52 ? "ok" : "#14(9)", m.Run(a => a.mov(rax, __qword_ptr[bits == 52 ? 0x20_0000UL : 0x21_0000UL])));
    }

    [Fact]
    public void TheClockIsInTheGuestsMemory()
    {
        using M m = Kvm();
        Assert.Null(Handler(m, a =>
        {
            Write(a, 0x4B564D01, (ClockPage + 0x40) | 1);
            Write(a, 0x4B564D00, ClockPage);
            a.nop();
        }));
        (uint version, long time) = Time(m);
        Assert.Equal(0U, version & 1);
        Assert.InRange(time, 0, m.Accelerator.Clock.Now);
        Assert.Equal(1UL, m.Read(ClockPage + 0x40 + 29, 1));
        long boot = (long)((m.Read(ClockPage + 4, 4) * 1_000_000_000) + m.Read(ClockPage + 8, 4));
        long now = (m.Accelerator.Clock.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;
        Assert.InRange(boot + m.Accelerator.Clock.Now, now - 5_000_000_000, now + 5_000_000_000);

        // An hour later, as KVM_SET_CLOCK says; and a pause, which the guest takes note of by itself.
        m.Accelerator.Behavior.ClockOffset = 3_600_000_000_000;
        Assert.True(m.Vcpu.Parts.TryNotePause());
        m.Place(M.Code, static a => a.hlt());
        m.Vcpu.Parts.Get(m.State, StateParts.General);
        m.State.Rip = M.Code;
        m.State.MpState = MpState.Runnable;
        m.Vcpu.Parts.Put(m.State, StateParts.General | StateParts.Activity);
        m.Continue();
        (uint later, time) = Time(m);
        Assert.True(later > version && (later & 1) == 0);
        Assert.InRange(time, 3_600_000_000_000, 3_600_000_000_000 + m.Accelerator.Clock.Now);
        Assert.Equal(3UL, m.Read(ClockPage + 0x40 + 29, 1));
        Assert.True(m.Vcpu.Parts.TryReadMsr(0x12, out ulong register));
        Assert.Equal((ClockPage + 0x40) | 1, register);
    }

    [Fact]
    public void WithoutItsSignatureThereIsNoClock()
    {
        using M m = new(engine: engine);
        Assert.Equal(GeneralProtection, Handler(m, a => Write(a, 0x4B564D01, ClockPage | 1)));
        Assert.False(m.Vcpu.Parts.TryNotePause());
    }

    [Fact]
    public void TheClientAnswersWhatItAsksFor()
    {
        using M m = new(engine: engine);
        m.Accelerator.Behavior.MsrExits = MsrExitReasons.Unknown | MsrExitReasons.Invalid;
        Start(m, a =>
        {
            Read(a, 0x1234_5678);
            Write(a, Msr.IA32_MTRRCAP, 0x11_0000_0022);
            Read(a, 0x1234_5679);
            a.hlt();
        });
        ref VmExit exit = ref m.Vcpu.Run();
        Assert.Equal((VmExitReason.Msr, 0x1234_5678UL, false, (ulong)MsrExitReasons.Unknown), (exit.Reason, exit.Address, exit.IsWrite, exit.Detail));
        BitConverter.TryWriteBytes(exit.Data, 0x5_0000_0006UL);
        exit = ref m.Vcpu.Run();
        Assert.Equal((VmExitReason.Msr, (ulong)Msr.IA32_MTRRCAP, true, (ulong)MsrExitReasons.Invalid), (exit.Reason, exit.Address, exit.IsWrite, exit.Detail));
        Assert.Equal(0x11_0000_0022UL, BitConverter.ToUInt64(exit.Data));
        exit = ref m.Vcpu.Run();
        Assert.Equal((VmExitReason.Msr, 0x1234_5679UL), (exit.Reason, exit.Address));
        exit.Failed = true;
        Assert.Equal($"#{GeneralProtection}(0)", m.Continue());
    }

    [Fact]
    public void AnAnswerThatIsReadIsWhatTheInstructionReads()
    {
        using M m = new(engine: engine);
        m.Accelerator.Behavior.MsrExits = MsrExitReasons.Unknown;
        Start(m, a =>
        {
            Read(a, 0x1234_5678);
            a.@out(0x80, eax);
        });
        BitConverter.TryWriteBytes(m.Vcpu.Run().Data, 0x5_0000_0006UL);
        Assert.Equal(6, m.Vcpu.Run().Data[0]);
        m.Vcpu.Parts.Get(m.State, StateParts.General);
        Assert.Equal(5UL, m[Gpr.Rdx]);
    }

    [Fact]
    public void AFilterDeniesAndTellsTheClientIfItAsks()
    {
        using M m = new(engine: engine);
        MsrFilterRange range = new(Msr.IA32_STAR, Reads: false, Writes: true, 3, [0b101]);
        m.Accelerator.Behavior.MsrFilter = new MsrFilter(AllowsByDefault: true, [range]);
        Assert.Null(Handler(m, a => Read(a, Msr.IA32_LSTAR)));
        Assert.Null(Handler(m, a => Write(a, Msr.IA32_STAR, 1)));
        Assert.Null(Handler(m, a => Write(a, Msr.IA32_CSTAR, 1)));
        Assert.Equal(GeneralProtection, Handler(m, a => Write(a, Msr.IA32_LSTAR, 1)));
        m.Accelerator.Behavior.MsrExits = MsrExitReasons.Filter;
        Start(m, a =>
        {
            Write(a, Msr.IA32_LSTAR, 0x77);
            a.hlt();
        });
        ref VmExit exit = ref m.Vcpu.Run();
        Assert.Equal((VmExitReason.Msr, (ulong)MsrExitReasons.Filter), (exit.Reason, exit.Detail));
        Assert.Equal("ok", m.Continue());
        Assert.True(m.Vcpu.Parts.TryReadMsr(Msr.IA32_LSTAR, out ulong value));
        Assert.NotEqual(0x77UL, value);
        m.Accelerator.Behavior.MsrFilter = new MsrFilter(AllowsByDefault: false, ImmutableArray<MsrFilterRange>.Empty);
        m.Accelerator.Behavior.MsrExits = MsrExitReasons.None;
        Assert.Equal(GeneralProtection, Handler(m, a => Read(a, Msr.IA32_LSTAR)));
    }

    [Fact]
    public void AnOutToPort7EIsCompleteAtItsExit()
    {
        using M m = new(engine: engine, behavior: static behavior => behavior.SkipsOut7E = true);
        Start(m, a =>
        {
            a.mov(eax, 0x1234_5678);
            a.@out(0x7E, eax);
            a.@out(0x7F, al);
        });
        ref VmExit exit = ref m.Vcpu.Run();
        Assert.Equal((VmExitReason.PortIo, 0x7E, 4, true), (exit.Reason, exit.Port, exit.Size, exit.IsWrite));
        Assert.Equal(0x1234_5678U, BitConverter.ToUInt32(exit.Data));
        m.Vcpu.Parts.Get(m.State, StateParts.General);
        Assert.Equal(M.Code + 7, m.State.Rip);
        Assert.Equal(0x7F, m.Vcpu.Run().Port);

        // What the client puts behind it is where it goes on.
        m.Accelerator.Behavior.SkipsOut7E = false;
        m.State.Rip = M.Code;
        m.Vcpu.Parts.Put(m.State, StateParts.General);
        Assert.Equal(0x7E, m.Vcpu.Run().Port);
        m.Vcpu.Parts.Get(m.State, StateParts.General);
        Assert.Equal(M.Code + 5, m.State.Rip);
    }

    /// <summary>A machine that gets its second vCPU is made anew, and goes on with what the client has put into the first.</summary>
    [Fact]
    public void AllOfItMovesToAnotherVcpu()
    {
        using M from = Kvm();
        using M to = Kvm();
        from.Vcpu.Parts.SetMachineCheck(10 | (1 << 8));
        uint[] indices = [Msr.IA32_MC0_CTL + 5, Msr.IA32_MCG_CTL, 0x4B564D00, 0x4B564D01, Msr.IA32_SPEC_CTRL, Msr.IA32_FEATURE_CONTROL, 0x9E];
        foreach (uint index in indices) Assert.True(from.Vcpu.Parts.TryWriteMsr(index, index * 3UL));
        from.Vcpu.GetState(from.State);
        to.Vcpu.PutState(from.State, PutLevel.Full);
        to.Vcpu.PutHiddenState(from.Vcpu.GetHiddenState());
        foreach (uint index in indices)
        {
            Assert.True(to.Vcpu.Parts.TryReadMsr(index, out ulong value));
            Assert.Equal((index, index * 3UL), (index, value));
        }

        Assert.True(to.Vcpu.Parts.TryReadMsr(Msr.IA32_MCG_CAP, out ulong capabilities));
        Assert.Equal(10UL | (1 << 8), capabilities);
    }

    private static (uint Version, long Time) Time(M m) =>
        ((uint)m.Read(ClockPage + 0x40, 4), (long)m.Read(ClockPage + 0x40 + 16, 8));

    // A machine whose CPUID has KVM's signature.
    private M Kvm(int bits = 46)
    {
        M m = new(engine: engine);
        m.Vcpu.SetCpuid(
        [
            .. CpuModels.X8664V2.Build(new CpuidEnvironment(), 0).Where(static entry => entry.Function >> 28 != 4)
                .Select(entry => entry is { Function: 0x8000_0008 } ? entry with { Eax = (entry.Eax & ~0xFFU) | (uint)bits } : entry),
            new CpuidEntry(0x4000_0000, 0, false, 0x4000_0001, 0x4B4D564B, 0x564B4D56, 0x4D),
        ]);
        return m;
    }

    private static void Start(M m, Action<Assembler> emit)
    {
        m.State.MpState = MpState.Runnable;
        m.Vcpu.PutState(m.State, PutLevel.Full);
        m.Place(M.Code, emit);
        m.Vcpu.Parts.Get(m.State, StateParts.General);
        m.State.Rip = M.Code;
        m.Vcpu.Parts.Put(m.State, StateParts.General);
    }

    /// <summary>Runs a routine.</summary>
    /// <returns>The exception that it raises; null without one.</returns>
    private static int? Handler(M m, Action<Assembler> emit)
    {
        m.State.Gpr[Gpr.Rsp] = M.KernelStack;
        m.State.Events = default;
        RunResult result = m.Run(emit);
        if (result != RunResult.Ok) Assert.Equal($"#{GeneralProtection}(0)", result);
        return result.Vector;
    }

    private static void Read(Assembler a, uint index)
    {
        a.mov(ecx, index);
        a.rdmsr();
    }

    private static void Write(Assembler a, uint index, ulong value)
    {
        a.mov(ecx, index);
        a.mov(eax, (uint)value);
        a.mov(edx, (uint)(value >> 32));
        a.wrmsr();
    }
}
