using Vitrine.Accelerators.Software.Apic;
using Xunit;

namespace Vitrine.Tests.Software.Apic;

/// <summary>Requests, priorities and registers, against SDM vol. 3, chapter "Advanced Programmable Interrupt Controller".</summary>
public sealed class LocalApicTests
{
    private const ulong Message = 0xFEE0_0000;
    private const uint Level = 0xC000; // trigger mode level, asserted

    private readonly FakeClock _clock = new();
    private int _wakes;

    private LocalApic Enabled(uint id = 0, bool x2Apic = false, IInterruptBus? bus = null)
    {
        var apic = new LocalApic(id, _clock, () => _wakes++, bus);
        if (x2Apic)
            Assert.True(apic.TrySetApicBase(apic.ApicBase | 0x400, 46));
        if (x2Apic)
            Assert.True(apic.TryWriteMsr(0x80F, 0x1FF));
        else
            apic.Write(0xF0, 0x1FF);
        return apic;
    }

    /// <summary>A message from a device, which the APIC is the only one to hear.</summary>
    private static void Deliver(LocalApic apic, ulong address, uint data)
    {
        InterruptFabric fabric = new();
        fabric.Connect(apic);
        fabric.Deliver(address, data);
    }

    private static int Deliverable(LocalApic apic) => apic.HasDeliverableInterrupt(out byte vector) ? vector : -1;

    /// <summary>"Local APIC State After Power-Up or Reset".</summary>
    [Theory]
    [InlineData(0x20u, 0x0300_0000u)]
    [InlineData(0x30u, 0x0005_0014u)]
    [InlineData(0x80u, 0u)]
    [InlineData(0xA0u, 0u)]
    [InlineData(0xD0u, 0u)]
    [InlineData(0xE0u, 0xFFFF_FFFFu)]
    [InlineData(0xF0u, 0xFFu)]
    [InlineData(0x280u, 0u)]
    [InlineData(0x300u, 0u)]
    [InlineData(0x310u, 0u)]
    [InlineData(0x320u, 0x1_0000u)]
    [InlineData(0x330u, 0x1_0000u)]
    [InlineData(0x340u, 0x1_0000u)]
    [InlineData(0x350u, 0x1_0000u)]
    [InlineData(0x360u, 0x1_0000u)]
    [InlineData(0x370u, 0x1_0000u)]
    [InlineData(0x380u, 0u)]
    [InlineData(0x390u, 0u)]
    [InlineData(0x3E0u, 0u)]
    public void AfterReset(uint offset, uint value) => Assert.Equal(value, new LocalApic(3, _clock).Read(offset));

    [Fact]
    public void AMessageIsRequestedServedAndEnded()
    {
        LocalApic apic = Enabled();
        Deliver(apic, Message, 0x41);
        Assert.Equal(1, _wakes);
        Assert.Equal(0x41, Deliverable(apic));
        Assert.Equal(2u, apic.Read(0x220));
        Assert.Equal(0x41, apic.Acknowledge());
        Assert.Equal((0u, 2u), (apic.Read(0x220), apic.Read(0x120)));
        Assert.Equal(0x40u, apic.Read(0xA0));
        Assert.Equal(-1, Deliverable(apic));
        apic.Write(0xB0, 0);
        Assert.Equal(0u, apic.Read(0x120));
        Assert.False(apic.TryTakeEoiBroadcast(out _));
    }

    /// <summary>A class (bits 7:4) above that of PPR is delivered; within a class the higher vector goes first but doesn't interrupt.</summary>
    [Theory]
    [InlineData(0x41, 0x51, 0x51)]
    [InlineData(0x41, 0x4F, -1)]
    [InlineData(0x41, 0x31, -1)]
    public void AHigherClassInterrupts(byte first, byte second, int delivered)
    {
        LocalApic apic = Enabled();
        Deliver(apic, Message, first);
        Assert.Equal(first, apic.Acknowledge());
        Deliver(apic, Message, second);
        Assert.Equal(delivered, Deliverable(apic));
        if (delivered >= 0)
        {
            apic.Acknowledge();
            Assert.Equal((uint)(second & 0xF0), apic.Read(0xA0));
            apic.Write(0xB0, 0);
            Assert.Equal((uint)(first & 0xF0), apic.Read(0xA0));
        }

        apic.Write(0xB0, 0);
        Assert.Equal(delivered >= 0 ? -1 : second, Deliverable(apic));
    }

    [Fact]
    public void TheHighestRequestGoesFirst()
    {
        LocalApic apic = Enabled();
        foreach (uint vector in (uint[])[0x31, 0xEF, 0x82, 0x30])
            Deliver(apic, Message, vector);
        var order = new List<int>();
        while (Deliverable(apic) >= 0)
        {
            order.Add(apic.Acknowledge());
            apic.Write(0xB0, 0);
        }

        Assert.Equal([0xEF, 0x82, 0x31, 0x30], order);
    }

    [Theory]
    [InlineData(0x40u, 0x41, -1, 0x40u)]
    [InlineData(0x3Fu, 0x41, 0x41, 0x3Fu)]
    [InlineData(0xF0u, 0xFE, -1, 0xF0u)]
    [InlineData(0x00u, 0x10, 0x10, 0x00u)]
    public void TheTaskPriorityHoldsBackItsClass(uint tpr, byte vector, int delivered, uint ppr)
    {
        LocalApic apic = Enabled();
        apic.Write(0x80, tpr);
        Deliver(apic, Message, vector);
        Assert.Equal(delivered, Deliverable(apic));
        Assert.Equal(ppr, apic.Read(0xA0));
        Assert.Equal(tpr >> 4, apic.Cr8);
        apic.Cr8 = 0;
        Assert.Equal(vector, Deliverable(apic));
        apic.Cr8 = 0xF;
        Assert.Equal(0xF0u, apic.Read(0x80));
        Assert.Equal(-1, Deliverable(apic));
        // Nothing to take any more: the spurious vector, without in-service bit.
        Assert.Equal(0xFF, apic.Acknowledge());
        Assert.Equal(0u, apic.Read(0x170));
    }

    [Fact]
    public void TheEndOfALevelTriggeredVectorIsBroadcast()
    {
        LocalApic apic = Enabled();
        Deliver(apic, Message, 0x62 | Level);
        Assert.Equal(0x62, apic.Acknowledge());
        Assert.Equal(4u, apic.Read(0x1B0)); // TMR, vectors 60h to 7Fh
        Assert.False(apic.TryTakeEoiBroadcast(out _));
        apic.Write(0xB0, 0);
        Assert.True(apic.TryTakeEoiBroadcast(out byte vector));
        Assert.Equal(0x62, vector);
        Assert.False(apic.TryTakeEoiBroadcast(out _));

        // The same vector as an edge clears the trigger mode on acceptance.
        Deliver(apic, Message, 0x62);
        apic.Acknowledge();
        Assert.Equal(0u, apic.Read(0x1B0));
        apic.Write(0xB0, 0);
        Assert.False(apic.TryTakeEoiBroadcast(out _));
    }

    /// <summary>x2APIC: logical id = id[31:4] as cluster, one bit of 16; 32-bit broadcast.</summary>
    [Theory]
    [InlineData(true, 0x1_0008u, true)] // id 13h: cluster 1, bit 3
    [InlineData(true, 0x1_FFFFu, true)]
    [InlineData(true, 0x1_0004u, false)]
    [InlineData(true, 0x0_0008u, false)]
    [InlineData(false, 0x13u, true)]
    [InlineData(false, 0xFFu, false)]
    [InlineData(false, 0xFFFF_FFFFu, true)]
    public void DestinationsInX2apicMode(bool logical, uint destination, bool isForUs)
    {
        LocalApic apic = Enabled(id: 0x13, x2Apic: true);
        Assert.True(apic.TryReadMsr(0x80D, out ulong ldr));
        Assert.Equal(0x1_0008UL, ldr);
        Assert.Equal(isForUs, apic.IsDestination(new InterruptCommand(0x40, DeliveryMode.Fixed, logical, destination, false)));
    }

    [Fact]
    public void SoftwareDisabledItTakesNoVectorsButNmis()
    {
        LocalApic apic = Enabled();
        apic.Write(0x370, 0x40);
        apic.Write(0xF0, 0xFF);
        Assert.Equal(0x1_0040u, apic.Read(0x370)); // all entries masked
        apic.Write(0x370, 0x41);
        Assert.Equal(0x1_0041u, apic.Read(0x370)); // and stay so
        Deliver(apic, Message, 0x41);
        Deliver(apic, Message, 0x400);
        Assert.Equal(-1, Deliverable(apic));
        Assert.True(apic.TryTake(ApicEvents.Nmi));
        Assert.False(apic.TryTake(ApicEvents.Nmi));
    }

    [Fact]
    public void IllegalVectorsAreErrors()
    {
        LocalApic apic = Enabled();
        apic.Write(0x370, 0xFE);
        Deliver(apic, Message, 0x0F);
        Assert.Equal(0xFE, Deliverable(apic));
        Assert.Equal(0u, apic.Read(0x280)); // a write shows what has come
        apic.Write(0x280, 0);
        Assert.Equal(0x40u, apic.Read(0x280));
        apic.Write(0x300, 0x4_000F); // self IPI with vector 15
        Assert.Equal(0u, apic.Read(0x400)); // and a register that there isn't
        apic.Write(0x280, 0);
        Assert.Equal(0xA0u, apic.Read(0x280));
        apic.Write(0x280, 0);
        Assert.Equal(0u, apic.Read(0x280));
    }

    [Fact]
    public void The8259GoesThroughLint0InExtintMode()
    {
        // Virtual wire mode from the start on the bootstrap processor; other processors mask the pin.
        var apic = new LocalApic(0, _clock, () => _wakes++);
        var other = new LocalApic(1, _clock);
        apic.SetLine(0, true);
        other.SetLine(0, true);
        Assert.True(apic.HasExternalInterrupt);
        Assert.False(other.HasExternalInterrupt);
        Assert.Equal(1, _wakes);
        apic.Write(0xF0, 0x1FF);
        apic.Write(0x350, 0x1_0700);
        Assert.False(apic.HasExternalInterrupt);
        apic.Write(0x350, 0x700);
        Assert.True(apic.HasExternalInterrupt);
        apic.SetLine(0, false);
        Assert.False(apic.HasExternalInterrupt);
        // Without APIC the pin is INTR.
        apic.SetLine(0, true);
        apic.Write(0x350, 0x1_0000);
        Assert.True(apic.TrySetApicBase(0xFEE0_0100, 46));
        Assert.True(apic.HasExternalInterrupt);
    }

    [Fact]
    public void PinsDeliverVectorsAndNmis()
    {
        LocalApic apic = Enabled();
        apic.Write(0x360, 0x400); // LINT1: NMI
        apic.SetLine(1, true);
        Assert.Equal(ApicEvents.Nmi, apic.PendingEvents);
        apic.Write(0x350, 0x8045); // LINT0: fixed, level
        apic.SetLine(0, true);
        Assert.Equal(0x45, Deliverable(apic));
        Assert.Equal(0xC045u, apic.Read(0x350)); // remote IRR
        apic.Acknowledge();
        apic.Write(0xB0, 0);
        Assert.Equal(0x45, Deliverable(apic)); // still high: again
        apic.Acknowledge();
        apic.SetLine(0, false);
        apic.Write(0xB0, 0);
        Assert.Equal(-1, Deliverable(apic));
        Assert.Equal(0x8045u, apic.Read(0x350));
    }

    [Theory]
    [InlineData(0x4_0041u, 0u, 0x41, false)] // self
    [InlineData(0x8_0041u, 0u, 0x41, true)] // all
    [InlineData(0xC_0041u, 0u, -1, true)] // all but self
    [InlineData(0x0_0041u, 0x0000_0000u, 0x41, true)] // physical 0; the others look for themselves
    [InlineData(0x0_0041u, 0x0100_0000u, -1, true)]
    public void InterprocessorInterrupts(uint low, uint high, int self, bool others)
    {
        var bus = new RecordingBus();
        LocalApic apic = Enabled(bus: bus);
        apic.Write(0x310, high);
        apic.Write(0x300, low);
        Assert.Equal(self, Deliverable(apic));
        Assert.Equal(others ? 1 : 0, bus.Commands.Count);
        Assert.Equal(low, apic.Read(0x300));
        Assert.Equal(high, apic.Read(0x310));
    }

    [Fact]
    public void StartingAnotherProcessor()
    {
        var bus = new RecordingBus();
        LocalApic apic = Enabled(bus: bus), other = new(1, _clock);
        bus.Others.Add(other);
        apic.Write(0x310, 0x0100_0000);
        apic.Write(0x300, 0xC500); // INIT, level, assert
        Assert.True(other.TryTake(ApicEvents.Init));
        apic.Write(0x300, 0x8500); // INIT level de-assert: nothing
        Assert.Equal(ApicEvents.None, other.PendingEvents);
        apic.Write(0x300, 0x69A); // start-up IPI, page 9Ah
        Assert.True(other.TryTake(ApicEvents.StartUp));
        Assert.Equal(0x9A, other.StartUpVector);
        Assert.Equal(ApicEvents.None, apic.PendingEvents);
    }

    private sealed class RecordingBus : IInterruptBus
    {
        public LocalApic? Arbitrate(in InterruptCommand command, LocalApic? except) => Winner;

        public LocalApic? Winner { get; set; }

        public List<InterruptCommand> Commands { get; } = [];

        public List<LocalApic> Others { get; } = [];

        public void Send(LocalApic sender, in InterruptCommand command)
        {
            Commands.Add(command);
            foreach (LocalApic other in Others)
            {
                if (other.IsDestination(command))
                    other.Post(command);
            }
        }
    }

    /// <summary>"x2APIC State Transitions": to x2APIC only from xAPIC, out of it only by disabling.</summary>
    [Theory]
    [InlineData(0xFEE0_0D00UL, true)] // xAPIC to x2APIC
    [InlineData(0xFEE0_0100UL, true)] // to disabled
    [InlineData(0xFEE0_0500UL, false)] // invalid: EXTD without EN
    [InlineData(0xFEE0_0B00UL, false)] // reserved bit 9
    [InlineData(0xFEE0_0901UL, false)] // reserved bit 0
    [InlineData(0x4000_FEE0_0900UL, false)] // beyond 46 bits
    [InlineData(0x2000_FED0_0900UL, true)]
    [InlineData(0xFEE0_0D00UL, false, 0xFEE0_0100UL)] // disabled to x2APIC
    [InlineData(0xFEE0_0900UL, true, 0xFEE0_0100UL)]
    [InlineData(0xFEE0_0900UL, false, 0xFEE0_0D00UL)] // x2APIC to xAPIC
    [InlineData(0xFEE0_0100UL, true, 0xFEE0_0D00UL)]
    [InlineData(0xFEE0_0500UL, false, 0xFEE0_0D00UL)]
    public void ModeTransitions(ulong value, bool allowed, ulong first = 0xFEE0_0900)
    {
        var apic = new LocalApic(0, _clock);
        Assert.Equal(0xFEE0_0900UL, apic.ApicBase);
        Assert.True(apic.TrySetApicBase(first, 46));
        Assert.Equal(allowed, apic.TrySetApicBase(value, 46));
        Assert.Equal(allowed ? value : first, apic.ApicBase);
    }

    [Fact]
    public void WithoutX2apicItsBitIsReserved() =>
        Assert.False(new LocalApic(0, _clock, x2ApicSupported: false).TrySetApicBase(0xFEE0_0D00, 46));

    /// <summary>Table "Local APIC Register Address Map Supported by x2APIC": readable, writable, and one reserved bit of each.</summary>
    [Theory]
    [InlineData(0x802u, true, false, 0UL)]
    [InlineData(0x803u, true, false, 0UL)]
    [InlineData(0x808u, true, true, 0x100UL)]
    [InlineData(0x809u, false, false, 0UL)]
    [InlineData(0x80Au, true, false, 0UL)]
    [InlineData(0x80Bu, false, true, 1UL)]
    [InlineData(0x80Du, true, false, 0UL)]
    [InlineData(0x80Eu, false, false, 0UL)]
    [InlineData(0x80Fu, true, true, 0x200UL)]
    [InlineData(0x810u, true, false, 0UL)]
    [InlineData(0x817u, true, false, 0UL)]
    [InlineData(0x818u, true, false, 0UL)]
    [InlineData(0x827u, true, false, 0UL)]
    [InlineData(0x828u, true, true, 1UL)]
    [InlineData(0x82Fu, false, false, 0UL)]
    [InlineData(0x830u, true, true, 1UL << 20)]
    [InlineData(0x831u, false, false, 0UL)]
    [InlineData(0x832u, true, true, 1UL << 8)]
    [InlineData(0x833u, true, true, 1UL << 13)]
    [InlineData(0x834u, true, true, 1UL << 17)]
    [InlineData(0x835u, true, true, 1UL << 17)]
    [InlineData(0x836u, true, true, 1UL << 32)]
    [InlineData(0x837u, true, true, 1UL << 8)]
    [InlineData(0x838u, true, true, 1UL << 32)]
    [InlineData(0x839u, true, false, 0UL)]
    [InlineData(0x83Eu, true, true, 4UL)]
    [InlineData(0x83Fu, false, true, 0x100UL)]
    [InlineData(0x840u, false, false, 0UL)]
    [InlineData(0x8FFu, false, false, 0UL)]
    public void MsrsOfX2apicMode(uint index, bool readable, bool writable, ulong reserved)
    {
        LocalApic apic = Enabled(x2Apic: true);
        Assert.Equal(readable, apic.TryReadMsr(index, out _));
        Assert.Equal(writable, apic.TryWriteMsr(index, 0));
        if (reserved != 0)
            Assert.False(apic.TryWriteMsr(index, reserved));
        var xapic = Enabled();
        Assert.False(xapic.TryReadMsr(index, out _));
        Assert.False(xapic.TryWriteMsr(index, 0));
        Assert.True(xapic.IsMmioEnabled);
        Assert.False(apic.IsMmioEnabled);
    }

    [Fact]
    public void X2apicSendsWithOneWrite()
    {
        var bus = new RecordingBus();
        LocalApic apic = Enabled(id: 0x12, x2Apic: true, bus: bus);
        Assert.True(apic.TryReadMsr(0x802, out ulong id));
        Assert.Equal(0x12UL, id);
        Assert.True(apic.TryWriteMsr(0x830, 0x12_0000_0041));
        Assert.Equal(0x41, Deliverable(apic));
        Assert.True(apic.TryReadMsr(0x830, out ulong icr));
        Assert.Equal(0x12_0000_0041UL, icr);
        Assert.True(apic.TryWriteMsr(0x83F, 0x52));
        Assert.Equal(0x52, apic.Acknowledge());
        Assert.True(apic.TryWriteMsr(0x80B, 0));
        Assert.Equal(0x41, Deliverable(apic));
    }

    [Fact]
    public void StateGoesOutAndIn()
    {
        LocalApic apic = Enabled();
        apic.Write(0x80, 0x20);
        apic.Write(0xD0, 0x0100_0000);
        Deliver(apic, Message, 0x62 | Level);
        apic.Acknowledge();
        Deliver(apic, Message, 0x51);
        apic.Write(0x320, 0x2_0030); // periodic
        apic.Write(0x3E0, 0xB); // by 1
        apic.Write(0x380, 1000);
        _clock.Now = 400;
        var page = new byte[1024];
        apic.SaveState(page);
        Assert.Equal(600u, BitConverter.ToUInt32(page, 0x390));
        Assert.Equal(4u, BitConverter.ToUInt32(page, 0x130));

        _clock.Now = 10_000;
        var copy = new LocalApic(0, _clock);
        copy.LoadState(page, apic.ApicBase);
        var again = new byte[1024];
        copy.SaveState(again);
        Assert.Equal(page, again);
        Assert.Equal(10_600, copy.NextDeadline);
        copy.Write(0xB0, 0);
        Assert.True(copy.TryTakeEoiBroadcast(out byte vector));
        Assert.Equal(0x62, vector);
        Assert.Equal(0x51, Deliverable(copy));
    }

    [Fact]
    public void TheResetPageOfTheArchitectureStateIsThatOfTheApic()
    {
        for (uint id = 0; id < 2; id++)
        {
            var page = new byte[1024];
            new LocalApic(id, _clock).SaveState(page);
            Assert.Equal(Vitrine.X86.State.ResetState.Create((int)id, 0).LocalApic, page);
        }
    }

    [Fact]
    public void InitClearsAllButBaseAndId()
    {
        LocalApic apic = Enabled(id: 2, x2Apic: true);
        Deliver(apic, Message | (2 << 12), 0x51);
        apic.Init();
        Assert.Equal(-1, Deliverable(apic));
        Assert.True(apic.IsX2Apic);
        Assert.True(apic.TryReadMsr(0x80F, out ulong svr));
        Assert.Equal(0xFFUL, svr);
    }

    [Fact]
    public void MessagesFromManyThreadsAllArrive()
    {
        LocalApic apic = Enabled();
        InterruptFabric fabric = new();
        fabric.Connect(apic);
        var threads = Enumerable.Range(0, 4).Select(t => new Thread(() =>
        {
            for (uint v = 0x20 + (uint)t; v < 0xF0; v += 4)
                fabric.Deliver(Message, v);
        })).ToList();
        threads.ForEach(t => t.Start());
        var seen = new HashSet<byte>();
        bool alive;
        do
        {
            alive = threads.Exists(t => t.IsAlive);
            while (apic.HasDeliverableInterrupt(out _))
            {
                Assert.True(seen.Add(apic.Acknowledge()));
                apic.Write(0xB0, 0);
            }
        }
        while (alive);
        Assert.Equal(0xF0 - 0x20, seen.Count);
    }
}
