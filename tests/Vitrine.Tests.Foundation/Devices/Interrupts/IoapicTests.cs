using Vitrine.Devices.Buses;
using Vitrine.Devices.Interrupts;
using Xunit;

namespace Vitrine.Tests.Devices.Interrupts;

/// <summary>Expected values: Intel 82093AA data sheet; message format: SDM vol. 3, "Message Signalled Interrupts".</summary>
public sealed class IoapicTests : IInterruptMessageSink
{
    private const uint Level = 1 << 15, Mask = 1 << 16, RemoteIrr = 1 << 14;

    private readonly List<(ulong Address, uint Data)> _messages = [];
    private readonly MmioBus _bus = new();
    private readonly Ioapic _ioapic;
    private int _takers = 1;

    public IoapicTests()
    {
        _ioapic = new(this);
        _bus.Attach(_ioapic, 0xFEC0_0000, 0x1000);
    }

    int IInterruptMessageSink.Send(ulong address, uint data)
    {
        _messages.Add((address, data));
        return _takers;
    }

    private uint Register(uint offset)
    {
        byte[] data = new byte[4];
        _bus.Access(0xFEC0_0000 + offset, 4, isWrite: false, data);
        return BitConverter.ToUInt32(data);
    }

    private void Register(uint offset, uint value) =>
        _bus.Access(0xFEC0_0000 + offset, 4, isWrite: true, BitConverter.GetBytes(value));

    private uint Read(byte index)
    {
        Register(0x00, index);
        return Register(0x10);
    }

    private void Write(byte index, uint value)
    {
        Register(0x00, index);
        Register(0x10, value);
    }

    private void Redirect(int pin, uint low, uint destination = 0)
    {
        Write((byte)(0x11 + 2 * pin), destination << 24);
        Write((byte)(0x10 + 2 * pin), low);
    }

    [Fact]
    public void ResetStateAndIdentity()
    {
        Assert.Equal(0x0017_0020u, Read(0x01));    // 24 entries, version 0x20
        for (int pin = 0; pin < 24; pin++)
        {
            Assert.Equal(Mask, Read((byte)(0x10 + 2 * pin)));
            Assert.Equal(0u, Read((byte)(0x11 + 2 * pin)));
        }
        Assert.Equal(0u, Read(0x40));              // past the table
        Write(0x00, 0xFFFF_FFFF);
        Assert.Equal(0x0F00_0000u, Read(0x00));
        Assert.Equal(0x0F00_0000u, Read(0x02));
        Write(0x01, 0xFFFF_FFFF);
        Assert.Equal(0x0017_0020u, Read(0x01));
        Register(0x00, 0x12);
        Assert.Equal(0x12u, Register(0x00));
    }

    [Fact]
    public void StatusBitsCannotBeWritten()
    {
        Redirect(3, 0xFFFF_FFFF, 0xFF);
        Assert.Equal(0x0001_AFFFu, Read(0x16));
        Assert.Equal(0xFF00_0000u, Read(0x17));
    }

    public static TheoryData<uint, uint, ulong, uint> Messages => new()
    {
        // redirection entry, destination -> address, data
        { 0x31, 0, 0xFEE0_0000, 0x4031 },                    // fixed, physical, edge
        { 0x31, 5, 0xFEE0_5000, 0x4031 },
        { 0x0000_0931, 1, 0xFEE0_1004, 0x4131 },             // lowest priority, logical: what Linux programs
        { 0x0000_0400, 0xFF, 0xFEEF_F000, 0x4400 },          // NMI to all
        { 0x0000_0700, 0, 0xFEE0_0000, 0x4700 },             // ExtINT
        { 0x0000_8055, 2, 0xFEE0_2000, 0xC055 },             // level
        { 0x0000_A055, 2, 0xFEE0_2000, 0xC055 },             // polarity changes nothing
    };

    [Theory]
    [MemberData(nameof(Messages))]
    public void APinBecomesAMessage(uint entry, uint destination, ulong address, uint data)
    {
        Redirect(7, entry, destination);
        _ioapic.SetPin(7, true);
        Assert.Equal([(address, data)], _messages);
    }

    [Fact]
    public void AnEdgeIsSentOncePerRise()
    {
        Redirect(4, 0x40);
        _ioapic.SetPin(4, true);
        _ioapic.SetPin(4, true);
        Assert.Single(_messages);
        _ioapic.EndOfInterrupt(0x40);
        Assert.Single(_messages);
        _ioapic.SetPin(4, false);
        _ioapic.SetPin(4, true);
        Assert.Equal(2, _messages.Count);
        Assert.Equal(0x40u, Read(0x18));
    }

    [Fact]
    public void AnEdgeOnAMaskedPinIsNotHeld()
    {
        Redirect(4, 0x40 | Mask);
        _ioapic.SetPin(4, true);
        Redirect(4, 0x40);
        Assert.Empty(_messages);
    }

    [Fact]
    public void ALevelWaitsForItsEndAndComesAgain()
    {
        Redirect(9, 0x49 | Level);
        _ioapic.SetPin(9, true);
        Assert.Single(_messages);
        Assert.Equal(0x49 | Level | RemoteIrr, Read(0x22));
        _ioapic.SetPin(9, false);
        _ioapic.SetPin(9, true);
        Assert.Single(_messages);
        _ioapic.EndOfInterrupt(0x48);              // another vector
        Assert.Single(_messages);
        _ioapic.EndOfInterrupt(0x49);
        Assert.Equal(2, _messages.Count);
        _ioapic.SetPin(9, false);
        _ioapic.EndOfInterrupt(0x49);
        Assert.Equal(2, _messages.Count);
        Assert.Equal(0x49 | Level, Read(0x22));
    }

    /// <summary>"Remote IRR: set to 1 when local APIC(s) accept the level interrupt".</summary>
    [Fact]
    public void ALevelThatNobodyTakesWaitsForNoEnd()
    {
        _takers = 0;
        Redirect(9, 0x49 | Level);
        _ioapic.SetPin(9, true);
        Assert.Equal(0x49 | Level, Read(0x22));
        _takers = 1;
        Redirect(9, 0x4A | Level);
        Assert.Equal(0x4A | Level | RemoteIrr, Read(0x22));
    }

    [Fact]
    public void ALevelOnAMaskedPinIsSentWhenUnmasked()
    {
        Redirect(9, 0x49 | Level | Mask);
        _ioapic.SetPin(9, true);
        Assert.Empty(_messages);
        Redirect(9, 0x49 | Level);
        Assert.Single(_messages);
    }

    [Fact]
    public void TheEoiRegisterEndsAVector()
    {
        Redirect(9, 0x49 | Level);
        _ioapic.SetPin(9, true);
        _ioapic.SetPin(9, false);
        Register(0x40, 0x49);
        Assert.Equal(0x49 | Level, Read(0x22));
    }

    [Fact]
    public void SwitchingToEdgeClearsRemoteIrr()
    {
        // How Linux ends a stuck interrupt where there is no EOI register: mask and edge, then back.
        Redirect(9, 0x49 | Level);
        _ioapic.SetPin(9, true);
        _ioapic.SetPin(9, false);
        Redirect(9, 0x49 | Mask);
        Redirect(9, 0x49 | Level);
        Assert.Equal(0x49 | Level, Read(0x22));
    }

    [Fact]
    public void PinsThatShareAVectorEndTogether()
    {
        Redirect(10, 0x50 | Level);
        Redirect(11, 0x50 | Level);
        _ioapic.SetPin(10, true);
        _ioapic.SetPin(11, true);
        _ioapic.SetPin(10, false);
        _ioapic.EndOfInterrupt(0x50);
        Assert.Equal(3, _messages.Count);
        Assert.Equal(0x50 | Level, Read(0x24));
        Assert.Equal(0x50 | Level | RemoteIrr, Read(0x26));
    }

    [Fact]
    public void AVersionBeforeTheEoiRegisterHasNone()
    {
        Ioapic older = new(this, version: 0x11);
        older.WriteMemory(0x00, 4, 0x01);
        Assert.Equal(0x0017_0011u, older.ReadMemory(0x10, 4));
        older.WriteMemory(0x00, 4, 0x16);
        older.WriteMemory(0x10, 4, Level | 0x40);
        older.SetPin(3, true);
        older.WriteMemory(0x40, 4, 0x40);
        Assert.Equal(Level | RemoteIrr | 0x40, older.ReadMemory(0x10, 4));
    }

    [Fact]
    public void TellsWhichPinEndsAndThatPinMayFallBeforeItSendsAgain()
    {
        List<int> ended = [];
        _ioapic.Ended = pin =>
        {
            ended.Add(pin);
            _ioapic.SetPin(pin, false);
        };
        Redirect(3, Level | 0x40);
        Redirect(4, 0x40);
        _ioapic.SetPin(3, true);
        _ioapic.SetPin(4, true);
        Assert.Equal(2, _messages.Count);
        _ioapic.EndOfInterrupt(0x40);
        Assert.Equal([3], ended);
        Assert.Equal(2, _messages.Count);
        Assert.Equal(Level | 0x40, Read(0x16));
    }
}
