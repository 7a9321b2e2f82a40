using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Descriptors;
using Vitrine.X86.State;
using Xunit;
using F = Vitrine.X86.Registers.Rflags;
using M = Vitrine.Tests.Software.SystemMachine;

namespace Vitrine.Tests.Software;

/// <summary>Frames, stacks and error codes of interrupts and exceptions: SDM vol. 3, chapter 6; vol. 2, INT n.</summary>
public sealed unsafe class InterruptDeliveryTests
{
    // SAFETY: machines outlive the pointers taken from them.
    private const ulong Set = F.Fixed | F.IF | F.TF | F.NT | F.CF;

    [Fact]
    public void RealModePushesSixteenBitFrame()
    {
        using M m = M.Real();
        m.Write(0x20 * 4, 0x1234_9000u);
        m.Rflags = F.Fixed | F.IF | F.TF | F.CF;
        Assert.Equal("ok", m.Deliver(0x20, EventKind.External));
        Assert.Equal([M.Code, 0, F.Fixed | F.IF | F.TF | F.CF], m.Stack(M.KernelStack - 6, 2, 3));
        Assert.Equal((0x9000UL, (ushort)0x1234, 0x12340UL), (m.Cpu->Rip, m.Selector(Seg.Cs), m.Cpu->Segments[Seg.Cs].Base));
        Assert.Equal(F.Fixed | F.CF, m.Rflags);
        Assert.Equal(M.KernelStack - 6, m.Rsp);
    }

    [Fact]
    public void RealModeBeyondTableIsGeneralProtection()
    {
        using M m = M.Real();
        m.Cpu->IdtLimit = (0x20 * 4) + 2;
        Assert.Equal("#13(103)", m.Deliver(0x20, EventKind.External));
    }

    [Theory]
    // Interrupt gates clear IF, trap gates keep it; TF and NT go always.
    [InlineData(DescriptorType.InterruptGate, 4, F.Fixed | F.CF)]
    [InlineData(DescriptorType.TrapGate, 4, F.Fixed | F.CF | F.IF)]
    [InlineData(DescriptorType.InterruptGate16, 2, F.Fixed | F.CF)]
    [InlineData(DescriptorType.TrapGate16, 2, F.Fixed | F.CF | F.IF)]
    public void ProtectedModeSameLevel(byte type, int width, ulong flags)
    {
        using M m = M.Protected();
        m.Rflags = Set;
        m.SetHandler(13, type: type);
        Assert.Equal("ok", m.Deliver(13, EventKind.Trap, 0xABC));
        Assert.Equal([0xABC, M.Code, M.Code0, Set], m.Stack(m.Rsp, width, 4));
        Assert.Equal(M.KernelStack - (ulong)(4 * width), m.Rsp);
        Assert.Equal((M.Handler, M.Code0, flags), (m.Cpu->Rip, m.Selector(Seg.Cs), m.Rflags));
    }

    [Fact]
    public void ProtectedModeInnerLevelSwitchesToTheStackOfTheTss()
    {
        using M m = M.Protected(3);
        m.Rflags = Set;
        m.SetHandler(0x20);
        Assert.Equal("ok", m.Deliver(0x20, EventKind.External));
        Assert.Equal([M.Code, M.Code3, Set, M.UserStack, M.Data3], m.Stack(M.InnerStack - 20, 4, 5));
        Assert.Equal((M.InnerStack - 20, M.Data0, M.Code0, 0u), (m.Rsp, m.Selector(Seg.Ss), m.Selector(Seg.Cs), m.Cpu->Cpl));
    }

    [Fact]
    public void ConformingHandlerKeepsTheLevel()
    {
        using M m = M.Protected(3);
        m.SetGate(0x20, GateDescriptor.Create(DescriptorType.InterruptGate, M.Conforming0, M.Handler, 0));
        Assert.Equal("ok", m.Deliver(0x20, EventKind.External));
        Assert.Equal((3u, (ushort)(M.Conforming0 | 3), M.UserStack - 12), (m.Cpu->Cpl, m.Selector(Seg.Cs), m.Rsp));
    }

    [Fact]
    public void Virtual8086PushesAndClearsDataSegments()
    {
        using M m = M.Virtual8086();
        ulong flags = m.Rflags;
        m.SetHandler(0x20);
        Assert.Equal("ok", m.Deliver(0x20, EventKind.External));
        Assert.Equal([0x1000, 0x700, flags, 0x800, 0x102, 0x100, 0x103, 0x104, 0x105], m.Stack(M.InnerStack - 36, 4, 9));
        Assert.Equal(0UL, m.Rflags & F.VM);
        foreach (int number in (ReadOnlySpan<int>)[Seg.Es, Seg.Ds, Seg.Fs, Seg.Gs])
            Assert.Equal((ushort)0, m.Selector(number));
    }

    [Theory]
    // (vector, source) -> fault with index, IDT and EXT bits; INT n and INT3 leave EXT clear and check the DPL.
    [InlineData(0, false, (byte)EventKind.External, "#13(103)")]
    [InlineData(0x0000_8E00_0008_9000, true, (byte)EventKind.External, "ok")]
    [InlineData(0x0000_8E00_0008_9000, true, (byte)EventKind.SoftwareInterrupt, "#13(102)")]
    [InlineData(0x0000_8E00_0008_9000, true, (byte)EventKind.SoftwareException, "#13(102)")]
    [InlineData(0x0000_8E00_0008_9000, true, (byte)EventKind.PrivilegedSoftwareException, "ok")]
    [InlineData(0x0000_EE00_0008_9000, true, (byte)EventKind.SoftwareInterrupt, "ok")]
    [InlineData(0x0000_6E00_0008_9000, true, (byte)EventKind.SoftwareInterrupt, "#11(102)")]
    [InlineData(0x0000_0E00_0008_9000, true, (byte)EventKind.Fault, "#11(103)")]
    [InlineData(0x0000_EC00_0008_9000, true, (byte)EventKind.Fault, "#13(103)")] // a call gate
    [InlineData(0x0000_EE00_0000_9000, true, (byte)EventKind.Fault, "#13(1)")] // null CS
    [InlineData(0x0000_EE00_0010_9000, true, (byte)EventKind.Fault, "#13(11)")] // data as CS
    [InlineData(0x0000_EE00_0010_9000, true, (byte)EventKind.SoftwareInterrupt, "#13(10)")]
    [InlineData(0x0000_EE00_0080_9000, true, (byte)EventKind.Fault, "#11(81)")] // absent CS
    [InlineData(0x0000_EE00_0800_9000, true, (byte)EventKind.Fault, "#13(801)")] // beyond the GDT
    [InlineData(0x0000_EE00_0004_9000, true, (byte)EventKind.Fault, "#13(5)")] // no LDT
    public void ProtectedModeGateFaults(ulong gate, bool inside, byte kind, string expected)
    {
        using M m = M.Protected(3);
        m.Write(M.Idt + (0x20 * 8), gate);
        if (!inside) m.Cpu->IdtLimit = (0x20 * 8) + 6;
        Assert.Equal(expected, m.Deliver(0x20, (EventKind)kind));
        if (expected == "ok") return;
        Assert.Equal((M.Code, M.UserStack, M.Code3, 3u), (m.Cpu->Rip, m.Rsp, m.Selector(Seg.Cs), m.Cpu->Cpl));
    }

    [Theory]
    [InlineData(M.Data0, 0x67u, "ok")]
    [InlineData(0, 0x67u, "#10(1)")]
    [InlineData(M.Data0 | 3, 0x67u, "#10(11)")] // RPL
    [InlineData(M.Data1, 0x67u, "#10(71)")] // DPL
    [InlineData(M.Code0, 0x67u, "#10(9)")] // code
    [InlineData(M.AbsentData, 0x67u, "#12(61)")]
    [InlineData(0x1000, 0x67u, "#10(1001)")] // beyond the GDT
    [InlineData(M.Data0, 8u, "#10(39)")] // beyond the TSS
    public void InnerStackFaults(ushort selector, uint tssLimit, string expected)
    {
        using M m = M.Protected(3);
        m.SetHandler(0x20);
        m.Write(M.Tss + 8, selector);
        m.Cpu->Segments[Seg.Tr].Limit = tssLimit;
        Assert.Equal(expected, m.Deliver(0x20, EventKind.External));
    }

    [Fact]
    public void InnerStackWithoutRoomIsStackFaultWithItsSelector()
    {
        using M m = M.Protected(3);
        m.SetHandler(0x20);
        m.SetGdt(M.Data1, 0x0000_9300_0000_0010); // DPL 0, limit 16
        m.Write(M.Tss + 4, 0x10u);
        m.Write(M.Tss + 8, (ushort)(M.Data1 & ~3));
        Assert.Equal("#12(71)", m.Deliver(0x20, EventKind.External));
    }

    [Fact]
    public void LongModePushesAlignedFrameAndNullsSs()
    {
        using M m = M.Long(3);
        m.Rflags = Set;
        m.SetHandler(14);
        Assert.Equal("ok", m.Deliver(14, EventKind.Fault, 7));
        Assert.Equal([7, M.Code, M.Code64User, Set | F.RF, M.UserStack, M.Data3], m.Stack(M.InnerStack - 48, 8, 6));
        Assert.Equal((M.InnerStack - 48, (ushort)0, 0u, M.Handler), (m.Rsp, m.Selector(Seg.Ss), m.Cpu->Cpl, m.Cpu->Rip));
        Assert.Equal(F.Fixed | F.CF, m.Rflags);
    }

    [Fact]
    public void LongModeSameLevelAlignsAndPushesSs()
    {
        using M m = M.Long();
        m.Rsp = M.KernelStack - 5;
        m.SetHandler(0x20);
        Assert.Equal("ok", m.Deliver(0x20, EventKind.External));
        ulong aligned = (M.KernelStack - 5) & ~0xFUL;
        Assert.Equal([M.Code, M.Code64, F.Fixed, M.KernelStack - 5, M.Data0], m.Stack(aligned - 40, 8, 5));
        Assert.Equal((aligned - 40, M.Data0), (m.Rsp, m.Selector(Seg.Ss)));
    }

    [Fact]
    public void LongModeUsesInterruptStackTable()
    {
        using M m = M.Long();
        m.SetHandler(8, ist: 1);
        Assert.Equal("ok", m.Deliver(8, EventKind.Fault, 0));
        Assert.Equal(M.Ist1 - 48, m.Rsp);
        Assert.Equal(M.Data0, m.Selector(Seg.Ss));
    }

    [Theory]
    [InlineData(0x0000_8E00_0008_9000UL, "#13(9)")] // 32-bit CS
    [InlineData(0x0000_8600_0028_9000UL, "#13(103)")] // 16-bit gate
    [InlineData(0x0000_8500_0028_9000UL, "#13(103)")] // task gate
    [InlineData(0x0000_0E00_0028_9000UL, "#11(103)")]
    public void LongModeGateFaults(ulong low, string expected)
    {
        using M m = M.Long();
        m.Write(M.Idt + (0x20 * 16), low);
        Assert.Equal(expected, m.Deliver(0x20, EventKind.External));
    }

    [Theory]
    [InlineData(0x0000_8000_0000_0010UL)] // two of the five pushes are above the highest canonical address
    [InlineData(0x1234_0000_0000_0000UL)]
    public void LongModeStackMustBeCanonical(ulong rsp0)
    {
        using M m = M.Long(3);
        m.SetHandler(0x20);
        m.Write(M.Tss + 4, rsp0);
        Assert.Equal("#12(1)", m.Deliver(0x20, EventKind.External));
    }

    [Theory]
    // SDM vol. 3, tables 6-4 and 6-5: the vector whose handler runs, when the first one's gate is broken in the given way.
    [InlineData(6, 0x0E00, 11)] // benign, then #NP: served one after the other
    [InlineData(0, 0x0E00, 8)] // contributory twice
    [InlineData(13, 0x0E00, 8)]
    [InlineData(10, 0xEC00, 8)]
    [InlineData(14, 0x0E00, 8)] // page fault, then contributory
    [InlineData(14, 0xEC00, 8)]
    [InlineData(1, 0xEC00, 13)]
    [InlineData(17, 0x0E00, 11)]
    public void SecondFaultIsCombined(byte first, int typeOfFirst, int expected)
    {
        using M m = M.Protected();
        for (int vector = 0; vector < 32; vector++)
            m.SetGate(vector, GateDescriptor.Create(DescriptorType.InterruptGate, M.Code0, M.Handler + (ulong)vector, 0));
        m.Write(M.Idt + (first * 8UL) + 4, (ushort)typeOfFirst);
        Assert.True(InterruptDelivery.DeliverToEnd(m.Cpu, first, EventKind.Fault));
        Assert.Equal(M.Handler + (ulong)expected, m.Cpu->Rip);
        ulong error = expected == 8 ? 0 : ((ulong)first << 3) | 3;
        Assert.Equal([error, M.Code], m.Stack(m.Rsp, 4, 2));
    }

    [Theory]
    [InlineData(13)]
    [InlineData(14)]
    [InlineData(8)]
    public void TripleFaultShutsDown(byte first)
    {
        using M m = M.Protected();
        m.Cpu->IdtLimit = 0;
        Assert.False(InterruptDelivery.DeliverToEnd(m.Cpu, first, EventKind.Fault, true));
    }

    [Fact]
    public void NmiBlocksFurtherOnesUntilIret()
    {
        using M m = M.Long();
        m.SetHandler(2);
        Assert.True(InterruptDelivery.DeliverNmi(m.Cpu));
        Assert.True(m.Cpu->NmiMasked);
        Assert.Equal("ok", m.Execute(a => a.iretq()));
        Assert.False(m.Cpu->NmiMasked);
        Assert.Equal(M.Code, m.Cpu->Rip);
    }

    [Theory]
    [InlineData((byte)EventKind.Fault, true)]
    [InlineData((byte)EventKind.Trap, false)]
    [InlineData((byte)EventKind.External, false)]
    public void FaultsPushResumeFlag(byte kind, bool resume)
    {
        using M m = M.Protected();
        m.SetHandler(6);
        Assert.Equal("ok", m.Deliver(6, (EventKind)kind));
        Assert.Equal(resume ? F.Fixed | F.RF : F.Fixed, m.Read(m.Rsp + 8, 4));
    }

    [Fact]
    public void SoftwareInterruptPushesNextInstruction()
    {
        using M m = M.Long(3);
        m.SetHandler(0x80, dpl: 3);
        Assert.Equal("ok", m.Execute(a => a.@int(0x80)));
        Assert.Equal(M.Code + 2, m.Read(m.Rsp, 8));
    }

    [Fact]
    public void SoftwareInterruptThatFaultsStaysOnItsInstruction()
    {
        using M m = M.Long(3);
        m.SetHandler(0x80);
        Assert.Equal("#13(402)", m.Execute(a => a.@int(0x80)));
        Assert.Equal((M.Code, M.UserStack), (m.Cpu->Rip, m.Rsp));
    }

    [Fact]
    public void FaultOnTheAccessedBitLeavesTheStackAlone()
    {
        // The GDT's page read-only with CR0.WP: marking CS accessed faults (SDM vol. 3, 4.6), after all other checks passed.
        using M m = M.Long(3);
        m.Write(0x12000, 0x13007UL);
        for (ulong page = 0; page < 512; page++) m.Write(0x13000 + (page * 8), (page << 12) | (page == 1 ? 1UL : 7));
        m.Cpu->Cr0 |= Vitrine.X86.Registers.Cr0.WP;
        m.SetGdt(M.Code64, 0x00AF_9A00_0000_FFFF);
        m.SetHandler(0x20);
        m.Vcpu.Mmu.FlushAll();
        Assert.Equal("#14(3)", m.Deliver(0x20, EventKind.External));
        Assert.Equal(M.Gdt + M.Code64 + 5, m.Cpu->Cr2);
        Assert.Equal([0, 0, 0, 0, 0], m.Stack(M.InnerStack - 40, 8, 5));
        Assert.Equal((M.Code, M.UserStack, 3u), (m.Cpu->Rip, m.Rsp, m.Cpu->Cpl));
    }

    [Fact]
    public void AnExceptionWhoseDeliveryRaisesItAgainShutsDown()
    {
        // #AC is benign: it never becomes a double fault, and the frame for it at level 3 is misaligned again, for ever.
        using M m = M.Protected(3);
        m.Cpu->Cr0 |= Vitrine.X86.Registers.Cr0.AM;
        m.SetGate(17, GateDescriptor.Create(DescriptorType.InterruptGate, M.Code3, M.Handler, 3));
        m.Rflags = F.Fixed | F.AC;
        m.Rsp = M.UserStack - 1;
        Assert.Equal("#17(0)", m.Deliver(17, EventKind.Fault, 0));
        Assert.False(InterruptDelivery.DeliverToEnd(m.Cpu, 17, EventKind.Fault, true));
    }
}
