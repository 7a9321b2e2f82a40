using Vitrine.Accelerators.Software.Apic;
using Xunit;

namespace Vitrine.Tests.Software.Apic;

/// <summary>Interprocessor interrupts between four processors, by SDM vol. 3, 11.6 "Issuing Interprocessor Interrupts".</summary>
public sealed class InterruptFabricTests
{
    private const byte Vector = 0x41;
    private const ulong Message = 0xFEE0_0000;
    private const uint Logical = 1 << 11;
    private const uint LowestPriority = 1 << 8;
    private const uint ToSelf = 1 << 18;
    private const uint ToAll = 2 << 18;
    private const uint ToOthers = 3 << 18;

    private readonly InterruptFabric _fabric = new();
    private readonly LocalApic[] _apics;

    public InterruptFabricTests()
    {
        // Not in their order: each is created by a thread of its own.
        _apics = [.. ((uint[])[2, 0, 3, 1]).Select(id => new LocalApic(id, new FakeClock(), bus: _fabric)).OrderBy(static apic => apic.Id)];
        foreach (LocalApic apic in _apics.Reverse()) _fabric.Connect(apic);
        foreach (LocalApic apic in _apics) apic.Write(0xF0, 0x1FF);
    }

    /// <summary>Figure 11-12, ICR, and 11.6.2 "Determining IPI Destination"; processor 1 sends.</summary>
    [Theory]
    [InlineData(ToSelf | Vector, 0u, "1")]
    [InlineData(ToAll | Vector, 0u, "0123")]
    [InlineData(ToOthers | Vector, 0u, "023")]
    [InlineData(Vector, 2u, "2")]
    [InlineData(Vector, 1u, "1")]
    [InlineData(Vector, 9u, "")]
    [InlineData(Vector, 0xFFu, "0123")]
    [InlineData(Logical | Vector, 0x01u, "0")]
    [InlineData(Logical | Vector, 0x0Cu, "23")]
    [InlineData(Logical | Vector, 0x0Fu, "0123")]
    [InlineData(Logical | Vector, 0xF0u, "")]
    [InlineData(Logical | Vector, 0xFFu, "0123")]
    public void DestinationsInXapicModeWithTheFlatModel(uint command, uint destination, string takers)
    {
        foreach (LocalApic apic in _apics) apic.Write(0xD0, 1u << (24 + (int)apic.Id));
        Send(_apics[1], command, destination);
        Assert.Equal(takers, Takers());
    }

    /// <summary>11.6.2.2: clusters of four, the destination's high half names one, its low half members. 0 and 1 are in cluster 0, 2 and 3 in cluster 1.</summary>
    [Theory]
    [InlineData(0x01u, "0")]
    [InlineData(0x03u, "01")]
    [InlineData(0x12u, "3")]
    [InlineData(0x13u, "23")]
    [InlineData(0x21u, "")]
    [InlineData(0xFFu, "0123")]
    public void DestinationsInXapicModeWithTheClusterModel(uint destination, string takers)
    {
        foreach (LocalApic apic in _apics)
        {
            apic.Write(0xE0, 0x0FFF_FFFF);
            apic.Write(0xD0, (apic.Id / 2 << 28) | (1u << (24 + (int)(apic.Id % 2))));
        }

        Send(_apics[1], Logical | Vector, destination);
        Assert.Equal(takers, Takers());
    }

    /// <summary>11.12.9, 11.12.10.2: 32-bit destinations; the logical id is the cluster and one of 16 members, both from the APIC id.</summary>
    [Theory]
    [InlineData(Vector, 3u, "3")]
    [InlineData(Vector, 0xFFu, "")]
    [InlineData(Vector, 0xFFFF_FFFFu, "0123")]
    [InlineData(Logical | Vector, 0x0000_000Au, "13")]
    [InlineData(Logical | Vector, 0x0001_000Fu, "")]
    [InlineData(ToOthers | Vector, 0u, "023")]
    public void DestinationsInX2apicMode(uint command, uint destination, string takers)
    {
        foreach (LocalApic apic in _apics) Assert.True(apic.TrySetApicBase(apic.ApicBase | 0x400, 46));
        Assert.True(_apics[1].TryWriteMsr(0x830, ((ulong)destination << 32) | command));
        Assert.Equal(takers, Takers());
    }

    /// <summary>11.6.2.4: the processor with the lowest task priority takes it, the sender if that is it; those that don't accept vectors don't take part.</summary>
    [Theory]
    [InlineData("0123", "2")]
    [InlineData("013", "1")]
    [InlineData("03", "3")]
    [InlineData("0", "0")]
    [InlineData("", "")]
    public void TheLowestPriorityTakesIt(string enabled, string taker)
    {
        uint[] priorities = [0x50, 0x20, 0x10, 0x30];
        foreach (LocalApic apic in _apics)
        {
            apic.Write(0x80, priorities[apic.Id]);
            if (!enabled.Contains(apic.Id.ToString(), StringComparison.Ordinal)) apic.Write(0xF0, 0xFF);
        }

        // 61h is above all these priorities.
        Send(_apics[1], LowestPriority | 0x61, 0xFF);
        Assert.Equal(taker, Takers());
    }

    /// <summary>Of equals one takes it, and only one.</summary>
    [Fact]
    public void OneOfEqualsTakesIt()
    {
        HashSet<string> takers = [];
        for (byte vector = 0x41; vector < 0x49; vector++)
        {
            _fabric.Deliver(0xFEEF_F000, LowestPriority | vector);
            string taker = Takers();
            Assert.Equal(1, taker.Length);
            takers.Add(taker);
        }

        Assert.True(takers.Count > 1);
    }

    [Fact]
    public void ALowestPriorityMessageToAllButTheSenderIsTakenByAnother()
    {
        foreach (LocalApic apic in _apics) apic.Write(0x80, apic.Id == 1 ? 0 : 0x10u);
        Send(_apics[1], ToOthers | LowestPriority | 0x61, 0);
        Assert.Matches("^[023]$", Takers());
    }

    [Fact]
    public void MessagesReachTheirDestination()
    {
        _fabric.Deliver(0xFEE0_3000, Vector);
        Assert.Equal("3", Takers());
        _fabric.Deliver(0xFEEF_F000, Vector);
        Assert.Equal("0123", Takers());
        _fabric.Deliver(0xFED0_3000, Vector);
        Assert.Equal("", Takers());
    }

    [Theory]
    [InlineData(Message, 0x8041u)] // level, de-asserted
    [InlineData(0xFED0_0000UL, 0x41u)]
    [InlineData(0x1_FEE0_0000UL, 0x41u)]
    [InlineData(Message | 0x9000, 0x41u)] // for id 9
    [InlineData(Message, 0x241u)] // SMI
    public void MessagesWithoutEffect(ulong address, uint data)
    {
        _fabric.Deliver(address, data);
        Assert.Equal("", Takers());
        Assert.All(_apics, static apic => Assert.Equal(ApicEvents.None, apic.PendingEvents));
    }

    /// <summary>11.6.2 "Determining IPI Destination", of messages to processor 2: physical, flat and cluster logical ids, broadcast.</summary>
    [Theory]
    //          LDR          DFR          logical dest   is for us
    [InlineData(0x0400_0000u, 0xFFFF_FFFFu, false, 0x02u, true)]
    [InlineData(0x0400_0000u, 0xFFFF_FFFFu, false, 0x04u, false)]
    [InlineData(0x0400_0000u, 0xFFFF_FFFFu, false, 0xFFu, true)]
    [InlineData(0x0400_0000u, 0xFFFF_FFFFu, true, 0x04u, true)]
    [InlineData(0x0400_0000u, 0xFFFF_FFFFu, true, 0x06u, true)]
    [InlineData(0x0400_0000u, 0xFFFF_FFFFu, true, 0x02u, false)]
    [InlineData(0x3400_0000u, 0x0FFF_FFFFu, true, 0x34u, true)]
    [InlineData(0x3400_0000u, 0x0FFF_FFFFu, true, 0x3Cu, true)]
    [InlineData(0x3400_0000u, 0x0FFF_FFFFu, true, 0x38u, false)]
    [InlineData(0x3400_0000u, 0x0FFF_FFFFu, true, 0x24u, false)]
    [InlineData(0x3400_0000u, 0x0FFF_FFFFu, true, 0xFFu, true)]
    public void DestinationsOfMessages(uint ldr, uint dfr, bool logical, uint destination, bool isForUs)
    {
        LocalApic apic = _apics[2];
        apic.Write(0xD0, ldr);
        apic.Write(0xE0, dfr);
        _fabric.Deliver(Message | (destination << 12) | (logical ? 4UL : 0), 0x55);
        Assert.Equal(isForUs, apic.HasDeliverableInterrupt(out byte vector));
        if (isForUs) Assert.Equal(0x55, vector);
    }

    [Theory]
    [InlineData(0x400u, ApicEvents.Nmi)]
    [InlineData(0xC500u, ApicEvents.Init)]
    [InlineData(0x69Au, ApicEvents.StartUp)]
    public void EventsReachOthersAlsoWhenTheyAreDisabledBySoftware(uint command, object events)
    {
        foreach (LocalApic apic in _apics) apic.Write(0xF0, 0xFF);
        Send(_apics[0], ToOthers | command, 0);
        Assert.Equal(ApicEvents.None, _apics[0].PendingEvents);
        for (int id = 1; id < 4; id++) Assert.Equal((ApicEvents)events, _apics[id].PendingEvents);
    }

    /// <summary>INIT voids a start-up IPI that came before it; one that comes behind it stays for the processor that it stops.</summary>
    [Fact]
    public void InitComesBeforeTheStartUpIpiBehindIt()
    {
        LocalApic apic = _apics[2];
        Send(_apics[0], 0x611, 2);
        Send(_apics[0], 0xC500, 2);
        Assert.Equal(ApicEvents.Init, apic.TakeStart());
        Assert.Equal(ApicEvents.None, apic.TakeStart());
        Send(_apics[0], 0xC500, 2);
        Send(_apics[0], 0x622, 2);
        Assert.Equal(ApicEvents.Init, apic.TakeStart());
        Assert.Equal(ApicEvents.StartUp, apic.TakeStart());
        Assert.Equal(0x22, apic.StartUpVector);
        Assert.Equal(ApicEvents.None, apic.TakeStart());
    }

    private static void Send(LocalApic sender, uint command, uint destination)
    {
        sender.Write(0x310, destination << 24);
        sender.Write(0x300, command);
    }

    // Who has a vector, which is taken and ended.
    private string Takers()
    {
        string takers = "";
        foreach (LocalApic apic in _apics)
        {
            if (!apic.HasDeliverableInterrupt(out _)) continue;
            takers += apic.Id;
            apic.Acknowledge();
            if (apic.IsX2Apic) Assert.True(apic.TryWriteMsr(0x80B, 0));
            else apic.Write(0xB0, 0);
            Assert.False(apic.HasDeliverableInterrupt(out _));
        }

        return takers;
    }

    /// <summary>A message for several, of whom one takes no vectors (11.4.7.2 "Local APIC State After It Has Been Software Disabled").</summary>
    [Theory]
    [InlineData(0xFEE0_1000UL, Vector, 1)]
    [InlineData(0xFEEF_F000UL, Vector, 3)]
    [InlineData(0xFEE0_2000UL, Vector, 0)]
    [InlineData(0xFEE0_2000UL, 0x400u, 0)]
    [InlineData(0xFEE0_1000UL, 0x400u, 1)]
    [InlineData(0xFEE0_1000UL, 0x700u, 0)]
    [InlineData(0xFEE0_9000UL, Vector, 0)]
    [InlineData(0xFEE0_2000UL, LowestPriority | Vector, 0)]
    [InlineData(0xFEEF_F000UL, LowestPriority | Vector, 1)]
    [InlineData(0xFED0_0000UL, Vector, 0)]
    public void TellsHowManyTakeAMessage(ulong address, uint data, int takers)
    {
        _apics[2].Write(0xF0, 0xFF);
        Assert.Equal(takers, _fabric.Deliver(address, data));
        Assert.Equal(-1, new InterruptFabric().Deliver(0xFEE0_0000, Vector));
    }
}
