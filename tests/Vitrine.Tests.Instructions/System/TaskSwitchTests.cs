using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using F = Vitrine.X86.Registers.Rflags;
using M = Vitrine.Tests.Software.SystemMachine;

namespace Vitrine.Tests.Software;

/// <summary>Hardware task switches: SDM vol. 3, 8.3; what the double-fault task of 32-bit kernels needs.</summary>
public sealed unsafe class TaskSwitchTests
{
    // SAFETY: machines outlive the pointers taken from them.

    [Fact]
    public void DoubleFaultEntersItsTask()
    {
        using M m = WithTask();
        m.SetGate(8, GateDescriptor.Create(DescriptorType.TaskGate, M.Task2Selector, 0, 0));
        m.Rsp = 0x4444;
        m.Cpu->Gpr[Gpr.Rdi] = 0x1111_2222;
        m.Cpu->Dr7 = Dr7.Fixed1 | Dr7.L0 | Dr7.G0;
        m.Rflags = F.Fixed | F.IF;

        // The gate of #PF is missing: #GP in its delivery makes a double fault.
        Assert.True(InterruptDelivery.DeliverToEnd(m.Cpu, 14, EventKind.Fault, true, 2));
        Assert.Equal((M.Handler, M.Task2Stack - 4, 0UL), (m.Cpu->Rip, m.Rsp, m.Read(M.Task2Stack - 4, 4)));
        Assert.Equal((M.Task2Selector, 0xBUL, 0xBUL), (m.Selector(Seg.Tr), Type(m, M.TaskSelector), Type(m, M.Task2Selector)));
        Assert.Equal((ulong)M.TaskSelector, m.Read(M.Task2, 2));
        Assert.Equal(F.Fixed | F.NT, m.Rflags);
        Assert.NotEqual(0UL, m.Cpu->Cr0 & Cr0.TS);
        Assert.Equal(Dr7.Fixed1 | Dr7.G0, m.Cpu->Dr7);
        Assert.Equal(0xD00DUL, m.Cpu->Gpr[Gpr.Rdx]);

        // The interrupted task, as its TSS holds it.
        Assert.Equal((M.Code, F.Fixed | F.IF), (m.Read(M.Tss + 0x20, 4), m.Read(M.Tss + 0x24, 4)));
        Assert.Equal((0x4444UL, 0x1111_2222UL), (m.Read(M.Tss + 0x38, 4), m.Read(M.Tss + 0x44, 4)));
        Assert.Equal(((ulong)M.Code0, (ulong)M.Data0), (m.Read(M.Tss + 0x4C, 2), m.Read(M.Tss + 0x50, 2)));
    }

    [Fact]
    public void IretReturnsToTheInterruptedTask()
    {
        using M m = WithTask();
        m.SetGate(0x20, GateDescriptor.Create(DescriptorType.TaskGate, M.Task2Selector, 0, 0));
        m.Cpu->Gpr[Gpr.Rbx] = 0x5555;
        Assert.Equal("ok", m.Deliver(0x20, EventKind.External));
        Assert.Equal("ok", m.Execute(a => a.iretd()));
        Assert.Equal((M.Code, M.KernelStack, 0x5555UL, M.TaskSelector), (m.Cpu->Rip, m.Rsp, m.Cpu->Gpr[Gpr.Rbx], m.Selector(Seg.Tr)));
        Assert.Equal((0xBUL, 0x9UL), (Type(m, M.TaskSelector), Type(m, M.Task2Selector)));

        // NT goes in the image of the task that returned; its EIP is behind the IRET.
        Assert.Equal((F.Fixed, M.Handler + 1), (m.Read(M.Task2 + 0x24, 4), m.Read(M.Task2 + 0x20, 4)));
    }

    [Theory]
    [InlineData(false, 0x9UL, 0UL)]
    [InlineData(true, 0xBUL, F.NT)]
    public void JumpEndsTheOldTaskAndCallNests(bool isCall, ulong oldType, ulong nested)
    {
        using M m = WithTask();
        Assert.Equal("ok", isCall ? m.Execute(a => a.call(M.Task2Selector, 0u)) : m.Execute(a => a.jmp(M.Task2Selector, 0u)));
        Assert.Equal((oldType, 0xBUL), (Type(m, M.TaskSelector), Type(m, M.Task2Selector)));
        Assert.Equal((nested, M.Handler), (m.Rflags & F.NT, m.Cpu->Rip));
        Assert.Equal(isCall ? M.TaskSelector : 0UL, m.Read(M.Task2, 2));
        Assert.Equal(M.Code + 7, m.Read(M.Tss + 0x20, 4));
    }

    [Theory]
    [InlineData(M.TaskSelector, "#13(38)")] // busy
    [InlineData(M.Ldt, "#13(88)")]
    public void UnavailableTargets(ushort selector, string expected)
    {
        using M m = WithTask();
        Assert.Equal(expected, m.Execute(a => a.jmp(selector, 0u)));
        Assert.Equal((M.TaskSelector, M.Code), (m.Selector(Seg.Tr), m.Cpu->Rip));
    }

    [Fact]
    public void ShortTssIsInvalid()
    {
        using M m = WithTask();
        m.SetGdt(M.Task2Selector, 0x0000_8900_0000_0066 | (M.Task2 << 16));
        Assert.Equal("#10(48)", m.Execute(a => a.jmp(M.Task2Selector, 0u)));
        Assert.Equal(M.TaskSelector, m.Selector(Seg.Tr));
    }

    [Theory]
    [InlineData(0x4C, 0, "#10(0)")] // null CS
    [InlineData(0x4C, M.Data0, "#10(10)")]
    [InlineData(0x4C, M.AbsentCode0, "#11(80)")]
    [InlineData(0x50, 0, "#10(0)")] // null SS
    [InlineData(0x50, M.Data3, "#10(20)")]
    [InlineData(0x50, M.AbsentData, "#12(60)")]
    [InlineData(0x54, M.AbsentData, "#11(60)")] // DS
    [InlineData(0x5C, M.ExecuteOnly0, "#10(78)")] // GS
    [InlineData(0x60, M.Data0, "#10(10)")] // LDT
    public void FaultsBehindTheCommitPointBelongToTheNewTask(int field, ushort selector, string expected)
    {
        using M m = WithTask();
        m.Write(M.Task2 + (ulong)field, selector);
        Assert.Equal(expected, m.Execute(a => a.jmp(M.Task2Selector, 0u)));
        Assert.Equal((M.Task2Selector, M.Handler, 0xD00DUL), (m.Selector(Seg.Tr), m.Cpu->Rip, m.Cpu->Gpr[Gpr.Rdx]));
    }

    [Fact]
    public void TrapFlagOfTheTssAsksForDebugException()
    {
        using M m = WithTask();
        m.Write(M.Task2 + 0x64, (ushort)1);
        Assert.Equal("ok", m.Execute(a => a.jmp(M.Task2Selector, 0u)));
        Assert.True(DebugEvents.IsTrapDue(m.Cpu, F.Fixed));
        Assert.Equal(Dr6.BT, m.Cpu->Dr6 & Dr6.Writable);
    }

    private static ulong Type(M m, ushort selector) => m.Read(M.Gdt + selector + 5, 1) & 0xF;

    private static M WithTask()
    {
        M m = M.Protected();
        m.Write(M.Task2 + 0x20, (uint)M.Handler);
        m.Write(M.Task2 + 0x24, (uint)F.Fixed);
        m.Write(M.Task2 + 0x30, 0xD00Du);
        m.Write(M.Task2 + 0x38, (uint)M.Task2Stack);
        m.Write(M.Task2 + 0x4C, M.Code0);
        foreach (ulong field in (ReadOnlySpan<ulong>)[0x48, 0x50, 0x54, 0x58, 0x5C]) m.Write(M.Task2 + field, M.Data0);
        return m;
    }
}
