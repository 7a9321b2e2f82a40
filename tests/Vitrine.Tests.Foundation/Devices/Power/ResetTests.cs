using Vitrine.Devices.Buses;
using Vitrine.Devices.Power;
using Xunit;

namespace Vitrine.Tests.Devices.Power;

/// <summary>Expected values: ICH9 data sheet, sections 13.7.3 (port 0x92) and 13.7.5 (0xCF9).</summary>
public sealed class ResetTests
{
    private readonly PortBus _bus = new();
    private int _resets;

    public ResetTests()
    {
        _bus.Attach(new ResetControl(() => _resets++), ResetControlRegisters.FirstPort, ResetControlRegisters.PortCount);
        _bus.Attach(new SystemControlPortA(() => _resets++), SystemControlPortA.Port, 1);
    }

    private void Out(int port, int size, uint value) => _bus.Access((ushort)port, size, isWrite: true, BitConverter.GetBytes(value));

    private uint In(int port, int size)
    {
        byte[] data = new byte[4];
        _bus.Access((ushort)port, size, isWrite: false, data);
        return BitConverter.ToUInt32(data);
    }

    [Theory]
    [InlineData(0xCF9, 1, 0x06, 1)]
    [InlineData(0xCF9, 1, 0x0E, 1)]
    [InlineData(0xCF9, 1, 0x02, 0)]
    [InlineData(0xCF8, 4, 0x8000_0600, 0)]         // a PCI configuration address
    [InlineData(0xCF8, 2, 0x0600, 0)]
    [InlineData(0xCFB, 1, 0x06, 0)]
    [InlineData(0x92, 1, 0x01, 1)]
    [InlineData(0x92, 1, 0x02, 0)]
    public void WhatResets(int port, int size, uint value, int resets)
    {
        Out(port, size, value);
        Assert.Equal(resets, _resets);
    }

    [Fact]
    public void RebootAsLinuxDoesIt()
    {
        uint value = In(0xCF9, 1) & ~0x06u;
        Out(0xCF9, 1, value | 0x02);
        Assert.Equal(0, _resets);
        Assert.Equal(0x02u, In(0xCF9, 1));
        Out(0xCF9, 1, value | 0x06);
        Assert.Equal(1, _resets);
    }

    [Fact]
    public void ThereIsNoPci()
    {
        Out(0xCF8, 4, 0x8000_0000);
        Assert.Equal(uint.MaxValue, In(0xCF8, 4));
    }

    [Fact]
    public void AddressLine20IsOnAndKept()
    {
        Assert.Equal(0x02u, In(0x92, 1));
        Out(0x92, 1, 0x00);
        Assert.Equal(0x00u, In(0x92, 1));
    }
}
