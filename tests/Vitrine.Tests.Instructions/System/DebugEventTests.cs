using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Registers;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using F = Vitrine.X86.Registers.Rflags;
using M = Vitrine.Tests.Software.SystemMachine;

namespace Vitrine.Tests.Software;

/// <summary>Single step and breakpoints: SDM vol. 3, chapter 18.</summary>
public sealed unsafe class DebugEventTests
{
    // SAFETY: machines outlive the pointers taken from them.

    [Fact]
    public void InstructionBreakpoint()
    {
        using M m = M.Long();
        m.Cpu->DebugAddress[2] = M.Code;
        m.Cpu->Dr7 = Dr7.Fixed1 | (Dr7.G0 << 4);
        m.Cpu->Dr6 = Dr6.Fixed1 | Dr6.B0 | Dr6.BS;
        Assert.False(DebugEvents.HasInstructionBreakpoint(m.Cpu, M.Code + 1));
        Assert.True(DebugEvents.HasInstructionBreakpoint(m.Cpu, M.Code));
        Assert.Equal(Dr6.Fixed1 | Dr6.BS | (Dr6.B0 << 2), m.Cpu->Dr6);
        m.Rflags = F.Fixed | F.RF;
        Assert.False(DebugEvents.HasInstructionBreakpoint(m.Cpu, M.Code));
        m.Rflags = F.Fixed;
        m.Cpu->InterruptShadow = 1;
        Assert.False(DebugEvents.HasInstructionBreakpoint(m.Cpu, M.Code));
    }

    [Theory]
    // condition, LEN field, watched address; access: address, size, write -> hit
    [InlineData(1UL, 0UL, 0x100UL, 0x100UL, 1, true, true)]
    [InlineData(1UL, 0UL, 0x100UL, 0x100UL, 1, false, false)]
    [InlineData(3UL, 0UL, 0x100UL, 0x100UL, 1, false, true)]
    [InlineData(3UL, 3UL, 0x100UL, 0x103UL, 1, false, true)]
    [InlineData(3UL, 3UL, 0x100UL, 0x104UL, 1, false, false)]
    [InlineData(3UL, 3UL, 0x102UL, 0x100UL, 1, false, true)] // the address's low bits are ignored
    [InlineData(1UL, 1UL, 0x100UL, 0xFEUL, 4, true, true)]
    [InlineData(1UL, 2UL, 0x100UL, 0x107UL, 1, true, true)] // 8 bytes
    [InlineData(0UL, 0UL, 0x100UL, 0x100UL, 1, true, false)]
    public void DataBreakpoint(ulong condition, ulong length, ulong watched, ulong address, int size, bool write, bool hit)
    {
        using M m = M.Long();
        m.Cpu->DebugAddress[1] = watched;
        m.Cpu->Dr7 = Dr7.Fixed1 | (Dr7.L0 << 2) | (condition << 20) | (length << 22);
        DebugEvents.NoteData(m.Cpu, address, size, write);
        Assert.Equal(hit, DebugEvents.IsTrapDue(m.Cpu, F.Fixed));
        Assert.Equal(hit ? Dr6.B0 << 1 : 0, m.Cpu->Dr6 & Dr6.BMask);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void PortBreakpointNeedsDebuggingExtensions(bool de, bool hit)
    {
        using M m = M.Long();
        if (de) m.Cpu->Cr4 |= Cr4.DE;
        m.Cpu->DebugAddress[0] = 0x3F8;
        m.Cpu->Dr7 = Dr7.Fixed1 | Dr7.L0 | (2UL << 16);
        DebugEvents.NotePort(m.Cpu, 0x3F8, 1);
        Assert.Equal(hit, DebugEvents.IsTrapDue(m.Cpu, F.Fixed));
    }

    [Fact]
    public void SingleStep()
    {
        using M m = M.Long();
        m.SetHandler(0x20);
        m.Rflags = F.Fixed | F.TF;
        Assert.True(DebugEvents.NeedsStepping(m.Cpu));
        Assert.Equal("ok", m.Execute(a => a.cli()));
        Assert.True(DebugEvents.IsTrapDue(m.Cpu, F.Fixed | F.TF));
        Assert.Equal(Dr6.BS, m.Cpu->Dr6 & Dr6.Writable);

        m.Rflags = F.Fixed | F.TF;

        // INT n clears TF, so there is no trap at the first instruction of its handler.
        Assert.Equal("ok", m.Execute(a => a.@int(0x20)));
        Assert.False(DebugEvents.IsTrapDue(m.Cpu, F.Fixed | F.TF));
    }

    [Fact]
    public void LoadOfSsPutsTrapsOff()
    {
        using M m = M.Protected();
        m.Cpu->Gpr[0] = M.Data0;
        Assert.Equal("ok", m.Execute(a => a.mov(ss, ax)));
        m.Cpu->PendingDebug = Dr6.B0;
        Assert.False(DebugEvents.IsTrapDue(m.Cpu, F.Fixed | F.TF));
        m.Cpu->InterruptShadow = 0;
        Assert.True(DebugEvents.IsTrapDue(m.Cpu, F.Fixed));
        Assert.Equal(Dr6.B0, m.Cpu->Dr6 & Dr6.Writable);
    }

    [Fact]
    public void ResumeFlagLastsOneInstruction()
    {
        using M m = M.Long();
        m.Rflags = F.Fixed | F.RF;
        Assert.False(DebugEvents.IsTrapDue(m.Cpu, m.Cpu->SystemFlags));
        Assert.Equal(0UL, m.Rflags & F.RF);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(F.RF)]
    public void IretKeepsTheResumeFlagItLoads(ulong before)
    {
        using M m = M.Long();
        m.Push(8, 0x1234, M.Code64, F.Fixed | F.RF, 0x6FF0, M.Data0);
        m.Rflags = F.Fixed | before;
        Assert.Equal("ok", m.Execute(a => a.iretq()));
        Assert.False(DebugEvents.IsTrapDue(m.Cpu, F.Fixed | before));
        Assert.Equal(F.RF, m.Rflags & F.RF);
        Assert.Equal(0UL, m.Cpu->PendingDebug);
    }

    [Fact]
    public void DebugExceptionClearsGeneralDetect()
    {
        using M m = M.Long();
        m.SetHandler(1);
        m.Cpu->Dr7 |= Dr7.GD;
        Assert.Equal("#1", m.Execute(a => a.mov(rax, dr0)));
        Assert.True(InterruptDelivery.DeliverException(m.Cpu));
        Assert.Equal(0UL, m.Cpu->Dr7 & Dr7.GD);
    }
}
