using Vitrine.X86.Descriptors;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.SystemMachine;

namespace Vitrine.Tests.Software;

/// <summary>Far CALL, JMP and RET: SDM vol. 2; vol. 3, 5.8.</summary>
public sealed unsafe class FarTransferTests
{
    // SAFETY: machines outlive the pointers taken from them.

    [Theory]
    [InlineData(0, M.Code0, 0x1234u, "ok")]
    [InlineData(0, 0, 0u, "#13(0)")]
    [InlineData(0, M.Code0 | 3, 0u, "#13(8)")] // RPL above CPL
    [InlineData(0, M.Code3, 0u, "#13(18)")]
    [InlineData(3, M.Code0, 0u, "#13(8)")]
    [InlineData(3, M.Conforming0, 0x1234u, "ok")]
    [InlineData(0, M.Data0, 0u, "#13(10)")]
    [InlineData(0, M.AbsentCode0, 0u, "#11(80)")]
    [InlineData(0, M.Code16, 0x1_0000u, "#13(0)")] // beyond its limit
    [InlineData(0, M.Code16, 0xFFFFu, "ok")]
    public void DirectJump(int cpl, ushort selector, uint offset, string expected)
    {
        using M m = M.Protected(cpl);
        Assert.Equal(expected, m.Execute(a => a.jmp(selector, offset)));
        if (expected == "ok") Assert.Equal((offset, (selector & ~3) | cpl), ((uint)m.Cpu->Rip, m.Selector(Seg.Cs)));
    }

    [Fact]
    public void CallPushesAndReturnComesBack()
    {
        using M m = M.Protected();
        Assert.Equal("ok", m.Execute(a => a.call(M.Code0, (uint)M.Handler)));
        Assert.Equal([M.Code + 7, M.Code0], m.Stack(M.KernelStack - 8, 4, 2));
        Assert.Equal("ok", m.Execute(a => a.retf()));
        Assert.Equal((M.Code + 7, M.KernelStack), (m.Cpu->Rip, m.Rsp));
    }

    [Fact]
    public void RealModeCall()
    {
        using M m = M.Real();
        Assert.Equal("ok", m.Execute(0x9A, 0x34, 0x12, 0x00, 0x02));
        Assert.Equal([M.Code + 5, 0], m.Stack(M.KernelStack - 4, 2, 2));
        Assert.Equal((0x1234UL, 0x2000UL), (m.Cpu->Rip, m.Cpu->Segments[Seg.Cs].Base));
    }

    [Fact]
    public void CallGateCopiesParametersToTheInnerStack()
    {
        using M m = M.Protected(3);
        m.SetGdt(M.Free & 0xFFF8, 0);
        m.SetGdt(M.Ldt, GateDescriptor.Create(DescriptorType.CallGate, M.Code0, M.Handler, 3, 2).Low);
        m.Push(4, 0xAAAA, 0xBBBB);
        Assert.Equal("ok", m.Execute(a => a.call(M.Ldt | 3, 0u)));
        Assert.Equal([M.Code + 7, M.Code3, 0xAAAA, 0xBBBB, M.UserStack - 8, M.Data3], m.Stack(M.InnerStack - 24, 4, 6));
        Assert.Equal((0u, M.Handler, M.InnerStack - 24), (m.Cpu->Cpl, m.Cpu->Rip, m.Rsp));

        // RET 8 releases the parameters on both stacks.
        Assert.Equal("ok", m.Execute(a => a.retf(8)));
        Assert.Equal((3u, M.Code + 7, M.UserStack, M.Data3), (m.Cpu->Cpl, m.Cpu->Rip, m.Rsp, m.Selector(Seg.Ss)));
    }

    [Theory]
    [InlineData(DescriptorType.CallGate, M.Code0, 0, 3, "#13(88)")] // DPL of the gate
    [InlineData(DescriptorType.CallGate, 0, 3, 3, "#13(0)")]
    [InlineData(DescriptorType.CallGate, M.Data0, 3, 3, "#13(10)")]
    [InlineData(DescriptorType.CallGate, M.AbsentCode0, 3, 3, "#11(80)")]
    [InlineData(DescriptorType.InterruptGate, M.Code0, 3, 3, "#13(88)")]
    [InlineData(DescriptorType.CallGate, M.Code0, 3, 0, "ok")]
    public void CallGateChecks(byte type, ushort target, byte dpl, int cpl, string expected)
    {
        using M m = M.Protected(cpl);
        m.SetGdt(M.Ldt, GateDescriptor.Create(type, target, M.Handler, dpl).Low);
        Assert.Equal(expected, m.Execute(a => a.call((ushort)(M.Ldt | cpl), 0u)));
    }

    [Fact]
    public void JumpThroughGateMustNotRaisePrivilege()
    {
        using M m = M.Protected(3);
        m.SetGdt(M.Ldt, GateDescriptor.Create(DescriptorType.CallGate, M.Code0, M.Handler, 3).Low);
        Assert.Equal("#13(8)", m.Execute(a => a.jmp(M.Ldt | 3, 0u)));
    }

    [Fact]
    public void LongModeCallGate()
    {
        using M m = M.Long(3);
        GateDescriptor gate = GateDescriptor.Create(DescriptorType.CallGate, M.Code64, M.Handler, 3);
        m.SetGdt(M.Ldt, gate.Low);
        m.SetGdt(M.Ldt + 8, gate.High);
        m.Write(0x4800, 0u);
        m.Write(0x4804, (ushort)(M.Ldt | 3));
        Assert.Equal("ok", m.Execute(0xFF, 0x1C, 0x25, 0x00, 0x48, 0x00, 0x00)); // call far dword [4800h]
        Assert.Equal([M.Code + 7, M.Code64User, M.UserStack, M.Data3], m.Stack(M.InnerStack - 32, 8, 4));
        Assert.Equal(((ushort)0, 0u), (m.Selector(Seg.Ss), m.Cpu->Cpl));
    }

    [Fact]
    public void LongModeHasNoDirectFarJump()
    {
        using M m = M.Long();
        Assert.Equal("#6", m.Execute(0xEA, 0, 0, 0, 0, 8, 0));
    }

    [Theory]
    [InlineData(M.Code64, 0x2800u, "ok")]
    [InlineData(M.TaskSelector, 0u, "#13(38)")]
    [InlineData(M.Code0, 0x2800u, "ok")] // to compatibility mode
    public void LongModeIndirectJump(ushort selector, uint offset, string expected)
    {
        using M m = M.Long();
        m.Write(0x4800, offset);
        m.Write(0x4804, selector);
        m.Cpu->Gpr[Gpr.Rbx] = 0x4800;
        Assert.Equal(expected, m.Execute(0xFF, 0x2B)); // jmp far dword [rbx]
        if (expected == "ok") Assert.Equal((offset, selector), ((uint)m.Cpu->Rip, m.Selector(Seg.Cs)));
    }

    [Fact]
    public void FarPointerLoad()
    {
        using M m = M.Protected();
        m.Write(0x4800, 0x1234_5678u);
        m.Write(0x4804, M.Data3);
        Assert.Equal("ok", m.Execute(a => a.les(ecx, __[0x4800])));
        Assert.Equal((0x1234_5678UL, M.Data3), (m.Cpu->Gpr[Gpr.Rcx], m.Selector(Seg.Es)));
    }
}
