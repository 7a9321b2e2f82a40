using Vitrine.Accelerators;
using Vitrine.Devices.Buses;
using Vitrine.Run;
using Xunit;

namespace Vitrine.Tests.Machine;

/// <summary>Made-up exits, as no particular accelerator gives them: which device sees what, and what the run loop does next.</summary>
public sealed unsafe class ExitHandlerTests
{
    private const ushort Port = 0x300;
    private const ulong Address = 0xD000_0000;

    private readonly MachineBus _bus = new(new Lock());
    private readonly RecordingDevice _device;

    public ExitHandlerTests()
    {
        _device = new RecordingDevice(_bus);
        _bus.Ports.Attach(_device, Port, 8);
        _bus.Memory.Attach(_device, Address, 0x1000);
    }

    [Theory]
    [InlineData(1, 1, "aa", "port+4 W1 aa")]
    [InlineData(2, 1, "bbaa", "port+4 W2 aabb")]
    [InlineData(4, 1, "ddccbbaa", "port+4 W4 aabbccdd")]
    [InlineData(1, 3, "010203", "port+4 W1 1, port+4 W1 2, port+4 W1 3")]
    [InlineData(2, 2, "01020304", "port+4 W2 201, port+4 W2 403")]
    public void APortWriteReachesTheDeviceOncePerRepetition(int size, int count, string data, string seen)
    {
        Assert.Equal(ExitKind.Continue, Handle(PortExit(isWrite: true, size, count), Convert.FromHexString(data)).Kind);
        Assert.Equal(seen, string.Join(", ", _device.Seen));
    }

    [Theory]
    [InlineData(1, 1, "50")]
    [InlineData(2, 1, "5060")]
    [InlineData(4, 1, "50607080")]
    [InlineData(1, 3, "505152")]
    public void APortReadFillsTheData(int size, int count, string expected)
    {
        byte[] data = new byte[size * count];
        _device.NextRead = 0x80706050;
        Handle(PortExit(isWrite: false, size, count), data);
        Assert.Equal(expected, Convert.ToHexStringLower(data));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void AnUnclaimedPortReadsAllOnes(int size)
    {
        byte[] data = new byte[size];
        VmExit exit = PortExit(isWrite: false, size, 1);
        exit.Port = 0x2F0;
        Handle(exit, data);
        Assert.All(data, value => Assert.Equal(0xFF, value));
        Assert.Empty(_device.Seen);
    }

    [Theory]
    [InlineData(true, 4, "44332211", "memory+10 W4 11223344")]
    [InlineData(true, 8, "8877665544332211", "memory+10 W8 1122334455667788")]
    [InlineData(false, 2, "0000", "memory+10 R2")]
    public void AMemoryAccessReachesTheDevice(bool isWrite, int size, string data, string seen)
    {
        VmExit exit = new() { Reason = VmExitReason.Mmio, Address = Address + 0x10, IsWrite = isWrite, Size = size, Count = 1 };
        Assert.Equal(ExitKind.Continue, Handle(exit, Convert.FromHexString(data)).Kind);
        Assert.Equal(seen, string.Join(", ", _device.Seen));
    }

    [Fact]
    public void UnclaimedMemoryReadsAllOnes()
    {
        byte[] data = new byte[8];
        Handle(new VmExit { Reason = VmExitReason.Mmio, Address = 0xE000_0000, Size = 8, Count = 1 }, data);
        Assert.All(data, value => Assert.Equal(0xFF, value));
    }

    [Theory]
    [InlineData(ExitKind.PowerOff, 0u)]
    [InlineData(ExitKind.Reset, 0u)]
    [InlineData(ExitKind.DebugExit, 42u)]
    public void WhatADeviceAsksForIsReturnedOnce(object kind, uint value)
    {
        _device.OnWrite = () => _bus.Request((ExitKind)kind, value);
        ExitOutcome outcome = Handle(PortExit(isWrite: true, 1, 1), new byte[1]);
        Assert.Equal(new ExitOutcome((ExitKind)kind, value), outcome);
        _device.OnWrite = null;
        Assert.Equal(ExitKind.Continue, Handle(PortExit(isWrite: true, 1, 1), new byte[1]).Kind);
    }

    [Fact]
    public void TheFirstRequestCounts()
    {
        _device.OnWrite = () =>
        {
            _bus.Request(ExitKind.PowerOff);
            _bus.Request(ExitKind.Reset);
        };
        Assert.Equal(ExitKind.PowerOff, Handle(PortExit(isWrite: true, 1, 1), new byte[1]).Kind);
    }

    [Fact]
    public void TheDeviceLockIsHeldInEveryAccess()
    {
        Handle(PortExit(isWrite: true, 1, 1), new byte[1]);
        Handle(PortExit(isWrite: false, 1, 1), new byte[1]);
        Handle(new VmExit { Reason = VmExitReason.Mmio, Address = Address, Size = 4, Count = 1 }, new byte[4]);
        Assert.Equal(3, _device.Seen.Count);
        Assert.False(_device.SawLockFree);
    }

    [Fact]
    public void AnEndOfInterruptReachesTheController()
    {
        byte seen = 0;
        _bus.InterruptAcknowledged = vector => seen = vector;
        Assert.Equal(ExitKind.Continue, Handle(new VmExit { Reason = VmExitReason.IoapicEoi, Vector = 0x31 }, []).Kind);
        Assert.Equal(0x31, seen);
    }

    [Theory]
    [InlineData(VmExitReason.Interrupted, 0ul, ExitKind.Interrupted, 0u)]
    [InlineData(VmExitReason.Ignorable, 0ul, ExitKind.Continue, 0u)]
    [InlineData(VmExitReason.Halt, 0ul, ExitKind.Idle, 0u)]
    [InlineData(VmExitReason.HaltForever, 0ul, ExitKind.HaltForever, 0u)]
    [InlineData(VmExitReason.Shutdown, 0ul, ExitKind.TripleFault, 0u)]
    [InlineData(VmExitReason.SystemEvent, 1ul, ExitKind.PowerOff, 0u)]
    [InlineData(VmExitReason.SystemEvent, 2ul, ExitKind.Reset, 0u)]
    [InlineData(VmExitReason.SystemEvent, 3ul, ExitKind.GuestCrash, 0u)]
    [InlineData(VmExitReason.FailEntry, 0x80000021ul, ExitKind.FailEntry, 0x80000021u)]
    [InlineData(VmExitReason.InternalError, 0ul, ExitKind.InternalError, 0u)]
    [InlineData(VmExitReason.Unknown, 99ul, ExitKind.InternalError, 0u)]
    public void EveryOtherReasonHasItsOutcome(VmExitReason reason, ulong detail, object kind, uint value) =>
        Assert.Equal(new ExitOutcome((ExitKind)kind, value), Handle(new VmExit { Reason = reason, Detail = detail }, []));

    [Fact]
    public void NoReasonIsLeftOut()
    {
        foreach (VmExitReason reason in Enum.GetValues<VmExitReason>()) Handle(new VmExit { Reason = reason, Size = 1, Count = 1 }, new byte[8]);
    }

    [Fact]
    public void AnMsrThatNobodyKnowsReadsZero()
    {
        byte[] data = [1, 2, 3, 4, 5, 6, 7, 8];
        Assert.Equal(ExitKind.Continue, Handle(new VmExit { Reason = VmExitReason.Msr, Address = 0xC001_1020, Size = 8, Count = 1 }, data).Kind);
        Assert.All(data, value => Assert.Equal(0, value));
    }

    private static VmExit PortExit(bool isWrite, int size, int count) =>
        new() { Reason = VmExitReason.PortIo, Port = Port + 4, IsWrite = isWrite, Size = size, Count = count };

    private ExitOutcome Handle(VmExit exit, byte[] data)
    {
        // SAFETY: the array is pinned while the handler uses it.
        fixed (byte* start = data)
        {
            exit.SetData(start, data.Length);
            return ExitHandler.Handle(ref exit, _bus);
        }
    }

    private sealed class RecordingDevice(MachineBus bus) : IPortDevice, IMmioDevice
    {
        public List<string> Seen { get; } = [];

        public uint NextRead { get; set; }

        public Action? OnWrite { get; set; }

        public bool SawLockFree { get; private set; }

        public int WidestPortAccess => 4;

        public int WidestMemoryAccess => 8;

        public uint ReadPort(int offset, int size)
        {
            Note($"port+{offset:x} R{size}");
            return NextRead++;
        }

        public void WritePort(int offset, int size, uint value)
        {
            Note($"port+{offset:x} W{size} {value:x}");
            OnWrite?.Invoke();
        }

        public ulong ReadMemory(ulong offset, int size)
        {
            Note($"memory+{offset:x} R{size}");
            return NextRead++;
        }

        public void WriteMemory(ulong offset, int size, ulong value) => Note($"memory+{offset:x} W{size} {value:x}");

        private void Note(string access)
        {
            SawLockFree |= !bus.DeviceLock.IsHeldByCurrentThread;
            Seen.Add(access);
        }
    }
}
